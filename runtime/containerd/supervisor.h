#pragma once

// A containerd of our own, for hosts where none runs: started, watched, restarted, and left alive
// when the daemon dies.
//
// Everything of it lies below one directory: config.toml, root/ (content, snapshots), state/,
// containerd.sock, containerd.pid, containerd.log (and containerd.log.1, once it has 64 MiB). It
// runs in a session of its own, so that a killed daemon takes no step with it; the pid file
// (process id and start time) lets the next daemon take it over instead of starting a second one.
//
// Used on the loop thread; a thread named "containerd" starts it and waits for its end.

#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/error.h"
#include "base/executor.h"

namespace gantry::containerd {

class Supervisor {
 public:
  struct Settings {
    std::string directory;  ///< absolute; created with mode 0711 if missing
    std::string program = "containerd";
    Duration start_timeout = std::chrono::seconds(20);  ///< until the socket answers
    Duration stop_timeout = std::chrono::seconds(5);    ///< between SIGTERM and SIGKILL
    Duration backoff_min = std::chrono::milliseconds(100);
    Duration backoff_max = std::chrono::seconds(5);
    /// What an operator should know ("containerd 812 was killed by signal 9; starting it again in
    /// 100 ms"). Also written to containerd.log. Loop thread.
    std::function<void(const std::string&)> log;
  };

  /// `executor` outlives the object.
  Supervisor(Executor& executor, Settings settings);
  /// Leaves containerd running. Callbacks that have not come yet do not come any more.
  ~Supervisor();
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;

  /// Takes over the containerd of an earlier life or starts one; `done` gets the path of the socket
  /// once it answers. Errors: InvalidArgument (the directory's path is too long for a socket),
  /// NotFound (no such program), Unavailable (it ended at once, with the last line of its log),
  /// DeadlineExceeded. Once.
  void start(std::function<void(Result<std::string>)> done);
  /// Called whenever a containerd that had died answers again; it is a new process with the old
  /// state.
  void on_restart(std::function<void()> callback);
  /// SIGTERM, then SIGKILL. The steps go on under their shims. `done` comes even if it was not
  /// running.
  void stop(std::function<void()> done);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

/// Asks the containerd behind `socket` for its version ("1.6.20~ds1"). Blocks at most `timeout`.
Result<std::string> containerd_version(const std::string& socket, Duration timeout);

/// Which containerd to use.
struct ContainerdChoice {
  std::string socket;   ///< of a running one; empty: a private one is to be started
  std::string version;  ///< of the running one
};
/// `setting` is "auto" (the system's containerd if it answers within a second, otherwise a private
/// one), "private", or the address of one (`/run/containerd/containerd.sock`, with or without
/// `unix://`). Unavailable if an address was given and nothing answers; FailedPrecondition if it is
/// older than 1.6. Blocks at most a second: a worker, or before the loop runs.
Result<ContainerdChoice> resolve_containerd(const std::string& setting);

}  // namespace gantry::containerd
