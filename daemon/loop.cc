#include "daemon/loop.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

namespace gantry {

static Error uv_error(const char* doing, int status) {
  return {Code::Internal, std::string(doing) + ": " + uv_strerror(status)};
}

/// A handle with its callback; libuv frees it through close().
template <class Handle>
struct Loop::Watch {
  Handle handle;
  std::function<void()> callback;

  static Watch* of(void* handle) { return static_cast<Watch*>(static_cast<Handle*>(handle)->data); }
  void close() {
    uv_close(reinterpret_cast<uv_handle_t*>(&handle),
             [](uv_handle_t* closed) { delete static_cast<Watch*>(closed->data); });
  }
};

class Loop::UvTimer : public Loop::Timer {
 public:
  UvTimer(uv_loop_t* loop, std::function<void()> callback)
      : watch_(new Watch<uv_timer_t>{{}, std::move(callback)}) {
    uv_timer_init(loop, &watch_->handle);
    watch_->handle.data = watch_;
  }
  ~UvTimer() override { watch_->close(); }

  void set(std::optional<Duration> delay) override {
    uv_timer_stop(&watch_->handle);
    if (!delay) return;
    uv_update_time(watch_->handle.loop);  // a long turn must not shorten the delay
    uv_timer_start(
        &watch_->handle, [](uv_timer_t* timer) { Watch<uv_timer_t>::of(timer)->callback(); },
        static_cast<std::uint64_t>(std::max<Duration::rep>(delay->count(), 0)), 0);
  }

 private:
  Watch<uv_timer_t>* watch_;
};

Loop::Loop() {
  // Workers parse, compile, unpack and read; more than cores would only queue on the disk. The others wait for
  // servers (ArtifactMover, HttpRequests).
  ::setenv("UV_THREADPOOL_SIZE", "12", 0);
  // These fail only when the process has no descriptors or memory left: nothing could go on then.
  if (uv_loop_init(&loop_) != 0) std::abort();
  if (uv_async_init(&loop_, &wake_,
                    [](uv_async_t* wake) { static_cast<Loop*>(wake->data)->drain(); }) != 0) {
    std::abort();
  }
  wake_.data = this;
  uv_prepare_init(&loop_, &prepare_);
  prepare_.data = this;
  uv_prepare_start(&prepare_, [](uv_prepare_t* prepare) {
    auto* self = static_cast<Loop*>(prepare->data);
    if (self->turn_end_) self->turn_end_();
  });
}

Loop::~Loop() {
  closing_ = true;
  turn_end_ = nullptr;
  uv_walk(
      &loop_,
      [](uv_handle_t* handle, void* self) {
        auto* loop = static_cast<Loop*>(self);
        if (uv_is_closing(handle)) return;
        bool own = handle == reinterpret_cast<uv_handle_t*>(&loop->wake_) ||
                   handle == reinterpret_cast<uv_handle_t*>(&loop->prepare_);
        if (own) {
          uv_close(handle, nullptr);
        } else if (handle->type == UV_TIMER) {
          Watch<uv_timer_t>::of(handle)->close();
        } else if (handle->type == UV_SIGNAL) {
          Watch<uv_signal_t>::of(handle)->close();
        } else if (handle->type == UV_POLL) {
          Watch<uv_poll_t>::of(handle)->close();
        }
      },
      this);
  uv_run(&loop_, UV_RUN_DEFAULT);  // the close callbacks, and workers that are still busy
  uv_loop_close(&loop_);
}

void Loop::post(std::function<void()> task) {
  bool first = false;
  {
    std::lock_guard lock(mutex_);
    first = queue_.empty();
    queue_.push_back(std::move(task));
  }
  if (first) uv_async_send(&wake_);
}

void Loop::drain() {
  std::vector<std::function<void()>> tasks;
  {
    std::lock_guard lock(mutex_);
    tasks.swap(queue_);
  }
  for (auto& task : tasks) {
    task();
    task = nullptr;  // what it holds goes before the next one runs
  }
}

void Loop::offload(std::function<void()> work, std::function<void()> done) {
  struct Offload {
    uv_work_t request;
    Loop* loop;
    std::function<void()> work, done;
  };
  auto* offload = new Offload{{}, this, std::move(work), std::move(done)};
  offload->request.data = offload;
  uv_queue_work(
      &loop_, &offload->request,
      [](uv_work_t* request) { static_cast<Offload*>(request->data)->work(); },
      [](uv_work_t* request, int) {
        std::unique_ptr<Offload> finished(static_cast<Offload*>(request->data));
        if (finished->done && !finished->loop->closing_) finished->done();
      });
}

void Loop::after(Duration delay, std::function<void()> task) {
  auto* watch = new Watch<uv_timer_t>{{}, std::move(task)};
  uv_timer_init(&loop_, &watch->handle);
  watch->handle.data = watch;
  uv_update_time(&loop_);
  uv_timer_start(
      &watch->handle,
      [](uv_timer_t* timer) {
        auto* fired = Watch<uv_timer_t>::of(timer);
        auto run = std::move(fired->callback);
        fired->close();
        run();
      },
      static_cast<std::uint64_t>(std::max<Duration::rep>(delay.count(), 0)), 0);
}

Result<void> Loop::on_signal(int signal, std::function<void()> callback) {
  auto* watch = new Watch<uv_signal_t>{{}, std::move(callback)};
  uv_signal_init(&loop_, &watch->handle);
  watch->handle.data = watch;
  int status = uv_signal_start(
      &watch->handle, [](uv_signal_t* handle, int) { Watch<uv_signal_t>::of(handle)->callback(); },
      signal);
  if (status == 0) return {};
  watch->close();
  return fail(uv_error("watch a signal", status));
}

Result<void> Loop::on_readable(int fd, std::function<void()> callback) {
  auto* watch = new Watch<uv_poll_t>{{}, std::move(callback)};
  if (int status = uv_poll_init(&loop_, &watch->handle, fd); status != 0) {
    delete watch;
    return fail(uv_error("watch a descriptor", status));
  }
  watch->handle.data = watch;
  uv_poll_start(&watch->handle, UV_READABLE,
                [](uv_poll_t* handle, int, int) { Watch<uv_poll_t>::of(handle)->callback(); });
  return {};
}

std::unique_ptr<Loop::Timer> Loop::timer(std::function<void()> callback) {
  return std::make_unique<UvTimer>(&loop_, std::move(callback));
}

void Loop::run() { uv_run(&loop_, UV_RUN_DEFAULT); }
void Loop::stop() { uv_stop(&loop_); }

}  // namespace gantry
