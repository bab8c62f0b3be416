#include "runtime/shim/copies.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <thread>
#include <utility>

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

bool write_all(int fd, const char* bytes, std::size_t count) {
  while (count > 0) {
    const ssize_t written = ::write(fd, bytes, count);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    bytes += written;
    count -= static_cast<std::size_t>(written);
  }
  return true;
}

void copy(CopyJob job) {
  // A reader of our own, so that the process never meets a broken pipe when the client goes away and comes back.
  UniqueFd reader;
  if (!job.to.fifo.empty()) {
    job.to.fd.reset(::open(job.to.fifo.c_str(), O_WRONLY | O_CLOEXEC));  // until somebody reads
    reader.reset(::open(job.to.fifo.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  }
  char buffer[kBuffer];
  bool writable = job.to.fd.valid();
  for (ssize_t got; (got = read_some(job.from.fd.get(), buffer)) > 0;) {
    if (writable && !write_all(job.to.fd.get(), buffer, static_cast<std::size_t>(got))) {
      writable = false;
      log_line("warning", std::string("output is dropped: ") + std::strerror(errno));
    }
  }
}

}  // namespace

struct Copies::State {
  Loop& loop;
  int open = 0;
  Loop::Timer timer = 0;
  std::function<void()> done;

  void finish() {
    loop.cancel(std::exchange(timer, 0));
    if (auto call = std::exchange(done, {})) call();
  }
};

Copies::Copies(Loop& loop) : state_(std::make_shared<State>(State{loop})) {}

void Copies::start(std::vector<CopyJob> jobs) {
  for (CopyJob& job : jobs) {
    if (!job.input) ++state_->open;
    std::thread([state = state_, job = std::move(job)]() mutable {
      const bool input = job.input;
      copy(std::move(job));
      if (input) return;
      state->loop.post([state] {
        if (--state->open == 0) state->finish();
      });
    }).detach();
  }
}

void Copies::when_done(Duration limit, std::function<void()> done) {
  if (state_->open == 0) return state_->loop.post(std::move(done));
  state_->done = std::move(done);
  state_->timer = state_->loop.after(limit, [state = state_] { state->finish(); });
}

}  // namespace gantry::shim
