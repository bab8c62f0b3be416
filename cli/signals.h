#pragma once

#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>

#include "base/unique_fd.h"

namespace gantry::cli {

/// SIGINT, SIGTERM and SIGHUP as a readable descriptor, for as long as it lives: a command that
/// redraws the terminal must put it right before it ends. One at a time.
class Signals {
 public:
  Signals() {
    sigset_t set;
    sigemptyset(&set);
    for (int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&set, signal);
    ::pthread_sigmask(SIG_BLOCK, &set, &before_);
    fd_.reset(::signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
  }
  ~Signals() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  [[nodiscard]] int fd() const { return fd_.get(); }
  /// The next signal that has come, 0 for none.
  [[nodiscard]] int take() const {
    signalfd_siginfo info{};
    ssize_t got = ::read(fd_.get(), &info, sizeof info);
    return got == sizeof info ? static_cast<int>(info.ssi_signo) : 0;
  }

 private:
  sigset_t before_{};
  UniqueFd fd_;
};

}  // namespace gantry::cli
