#pragma once

// The daemon's thread: a libuv loop as the Executor of all rooms.
//
// Everything that is posted runs here, in order. A turn of the loop is: what the descriptors,
// timers and the queue bring, then the `turn end` callback, then sleep. What is gathered in a turn
// (store batches, what watchers are told) is sent once, at its end.

#include <uv.h>

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/executor.h"

namespace gantry {

class Loop : public Executor {
 public:
  Loop();
  /// What was posted and has not run is dropped. Workers still busy are awaited, but nobody is told
  /// that they are done. Timers that others hold must be gone.
  ~Loop() override;
  Loop(const Loop&) = delete;

  // Executor. After `stop()` tasks may still be posted; they do not run.
  void post(std::function<void()> task) override;
  void offload(std::function<void()> work, std::function<void()> done) override;
  void after(Duration delay, std::function<void()> task) override;

  // Loop thread only, like everything below.

  /// Called at the end of every turn, before the loop sleeps. It may post.
  void on_turn_end(std::function<void()> callback) { turn_end_ = std::move(callback); }
  /// Calls `callback` for every arrival of `signal`.
  Result<void> on_signal(int signal, std::function<void()> callback);
  /// Calls `callback` whenever `fd` is readable, for the life of the loop. The descriptor stays the
  /// caller's.
  Result<void> on_readable(int fd, std::function<void()> callback);

  /// A timer that is set again and again.
  class Timer {
   public:
    virtual ~Timer() = default;
    /// Fires once after `delay`; replaces what was set. Nothing: stops.
    virtual void set(std::optional<Duration> delay) = 0;
  };
  std::unique_ptr<Timer> timer(std::function<void()> callback);

  /// Runs until stop().
  void run();
  void stop();

  [[nodiscard]] uv_loop_t* uv() { return &loop_; }

 private:
  class UvTimer;
  template <class Handle>
  struct Watch;
  void drain();

  uv_loop_t loop_;
  uv_async_t wake_;
  uv_prepare_t prepare_;
  std::function<void()> turn_end_;
  bool closing_ = false;

  std::mutex mutex_;  // guards queue_
  std::vector<std::function<void()>> queue_;
};

}  // namespace gantry
