#pragma once

// The processes below the shim: those that it starts (the OCI runtime) and those that the OCI runtime leaves to it,
// because it is their subreaper (the container's). Loop thread.

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"
#include "runtime/shim/loop.h"

namespace gantry::shim {

using ExitTime = std::chrono::sys_time<std::chrono::nanoseconds>;

struct Exit {
  int status = 0;  ///< 128 + signal when killed by one
  ExitTime at;
};

class Children {
 public:
  using Done = std::function<void(Exit)>;

  /// Blocks SIGCHLD in the calling thread (and so in those that it starts) and takes the others' orphans over.
  explicit Children(Loop& loop);
  ~Children();
  Children(const Children&) = delete;

  /// Standard descriptors of a process; -1: /dev/null. They stay the caller's.
  struct Io {
    int in = -1, out = -1, err = -1;
  };
  /// Starts a program, found in PATH, which dies with the shim. NotFound, …: it cannot be executed.
  Result<pid_t> start(const std::vector<std::string>& argv, const Io& io, Done done);

  /// `done` once the process, which is or will be our child, has ended; from the loop, not from here. A process that
  /// has ended before is known only while somebody holds.
  void adopt(pid_t pid, Done done);
  /// From before the OCI runtime is called until the pid that it has written is adopted: the ends of all are kept.
  void hold() { ++holds_; }
  void release();

 private:
  void reap();

  Loop& loop_;
  UniqueFd signals_, null_;
  std::unordered_map<pid_t, Done> awaited_;
  std::unordered_map<pid_t, Exit> unclaimed_;
  int holds_ = 0;
};

}  // namespace gantry::shim
