#pragma once

// Which OCI runtime starts the containers: crun where it works (a step starts in a quarter of
// runc's time), else runc.

#include <functional>
#include <string>

#include "base/clock.h"
#include "base/error.h"
#include "base/executor.h"

namespace gantry::containerd {

struct OciRuntime {
  std::string binary;   ///< absolute path, for runc's option BinaryName
  std::string version;  ///< the first line of `--version`: "crun version 1.8.1"
  /// Why crun was passed over, in one line; empty if it was not.
  std::string why_not_crun;
};

/// `setting` is "auto", "crun", "runc" or a path. "auto" takes crun if it is installed and really
/// runs a container on this host (old versions of it fail on hosts with both cgroup versions
/// mounted), otherwise runc. What is named is taken after the same trial. Errors: NotFound (not
/// installed), FailedPrecondition (the trial failed, with the runtime's words). Blocks, two seconds
/// for crun, five for another at most; needs root. Leaves nothing behind.
Result<OciRuntime> probe_oci_runtime(const std::string& setting);

/// The same on a worker; `done` on the loop thread.
void probe_oci_runtime(Executor& executor, const std::string& setting,
                       std::function<void(Result<OciRuntime>)> done);

}  // namespace gantry::containerd
