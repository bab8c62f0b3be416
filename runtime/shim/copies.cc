#include "runtime/shim/copies.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <list>
#include <string>
#include <thread>
#include <utility>

#include "base/io.h"
#include "runtime/shim/log.h"

namespace gantry::shim {
namespace {

constexpr std::size_t kBuffer = 64 << 10;  // what a pipe holds

ssize_t read_some(int fd, char* buffer) {
  ssize_t got;
  while ((got = ::read(fd, buffer, kBuffer)) < 0 && errno == EINTR) {
  }
  return got;  // of a terminal: EIO once nobody has it open
}

/// Waits until somebody reads. The result is a reader of our own, so that the process never meets a broken pipe when the
/// client goes away and comes back.
UniqueFd open_fifo(CopyEnd& to) {
  if (to.fifo.empty()) return {};
  to.fd.reset(::open(to.fifo.c_str(), O_WRONLY | O_CLOEXEC));
  return UniqueFd(::open(to.fifo.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
}

void copy(const CopyJob& job) {
  char buffer[kBuffer];
  bool writable = job.to.fd.valid();
  for (ssize_t got; (got = read_some(job.from.fd.get(), buffer)) > 0;) {
    if (!writable) continue;
    if (auto written = write_all(job.to.fd.get(), {buffer, static_cast<std::size_t>(got)}); !written) {
      writable = false;
      log_line("warning", "output is dropped: " + written.error().message);
    }
  }
}

}  // namespace

struct Copies::State {
  struct Waiter {
    Loop::Timer timer = 0;
    std::function<void()> done;
  };
  Loop& loop;
  int unopened = 0, open = 0;
  std::function<void()> opened;
  std::list<Waiter> waiters;

  void finish(std::list<Waiter>::iterator waiter) {
    loop.cancel(waiter->timer);
    const auto done = std::move(waiter->done);
    waiters.erase(waiter);
    done();
  }
};

Copies::Copies(Loop& loop) : state_(std::make_shared<State>(State{loop})) {}

void Copies::start(std::vector<CopyJob> jobs) {
  for (CopyJob& job : jobs) {
    if (job.input) {
      std::thread([job = std::move(job)] { copy(job); }).detach();
      continue;
    }
    ++state_->unopened;
    ++state_->open;
    std::thread([state = state_, job = std::move(job)]() mutable {
      const UniqueFd reader = open_fifo(job.to);
      state->loop.post([state] {
        if (--state->unopened > 0) return;
        if (auto call = std::exchange(state->opened, {})) call();
      });
      copy(job);
      job = {};
      state->loop.post([state] {
        if (--state->open > 0) return;
        while (!state->waiters.empty()) state->finish(state->waiters.begin());
      });
    }).detach();
  }
}

void Copies::when_open(std::function<void()> done) {
  if (state_->unopened == 0) return state_->loop.post(std::move(done));
  state_->opened = std::move(done);
}

void Copies::when_done(Duration limit, std::function<void()> done) {
  if (state_->open == 0) return state_->loop.post(std::move(done));
  const auto waiter = state_->waiters.insert(state_->waiters.end(), {0, std::move(done)});
  waiter->timer = state_->loop.after(limit, [state = state_, waiter] { state->finish(waiter); });
}

}  // namespace gantry::shim
