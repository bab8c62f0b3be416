#pragma once

// Programs of the host that this room starts: containerd, ctr, the OCI runtimes. Never through a
// shell, never with a descriptor that was not meant for them. All functions block or take system
// calls; workers and own threads only.

#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/unique_fd.h"

namespace gantry::containerd {

/// The absolute path of `program`: itself if it has a slash, otherwise from PATH and the system's
/// own directories (a daemon's PATH often lacks sbin, where runc lives). NotFound.
Result<std::string> find_program(const std::string& program);

/// What a program gets beside its arguments.
struct ProgramInput {
  int standard_input = -1;               ///< a descriptor; -1: /dev/null
  std::vector<std::string> environment;  ///< NAME=value, added to ours
};

/// Starts `argv` with standard input from /dev/null and standard output and error into the given
/// descriptors. All other descriptors are closed in the child, its signals are reset, and what
/// would make it believe that it is systemd's service (NOTIFY_SOCKET, LISTEN_FDS, …) is taken from
/// its environment. With `new_session` it survives the end of ours.
Result<pid_t> spawn(const std::vector<std::string>& argv, int stdout_fd, int stderr_fd,
                    bool new_session, const ProgramInput& input = {});

/// A descriptor that becomes readable when the process has ended (pidfd_open(2)).
Result<UniqueFd> open_pidfd(pid_t pid);

/// How a program ended.
struct ProgramExit {
  int exit_code = 0;   ///< 128 + signal when killed by one
  std::string output;  ///< standard output and error as they came; at most the last 64 KiB
};

/// Runs `argv` to its end. DeadlineExceeded after `timeout`, Cancelled once `cancel` (a descriptor,
/// or -1) is readable; in both cases the program's session is killed first. `on_line` gets each
/// line that ends in \n or \r; may be empty.
Result<ProgramExit> run_program(const std::vector<std::string>& argv, Duration timeout, int cancel,
                                const std::function<void(std::string_view)>& on_line = {},
                                const ProgramInput& input = {});

}  // namespace gantry::containerd
