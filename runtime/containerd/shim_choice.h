#pragma once

// Which shim stands between containerd and the containers: Gantry's own where it is installed and runs (a pod costs a
// third less), else containerd's.

#include <functional>
#include <string>

#include "base/error.h"
#include "base/executor.h"

namespace gantry::containerd {

struct ShimChoice {
  std::string path;     ///< absolute, for Config::shim; empty: containerd's own
  std::string version;  ///< the first line of `-v`: "containerd-shim-gantry-v1 0.1.0"; or containerd's name for its own
  /// Why Gantry's was passed over, in one line; empty if it was not.
  std::string why_not_gantry;
};

/// `setting` is "auto", "gantry", "runc" (containerd's own) or a path. Gantry's is looked for beside the program that
/// runs and in ../libexec/gantry from there; `directory` replaces the place of the program, for tests. "auto" takes it
/// if it is there and says its version, otherwise containerd's own. Errors: NotFound, FailedPrecondition (what is named
/// does not run, with its words). Blocks, two seconds at most.
Result<ShimChoice> choose_shim(const std::string& setting, const std::string& directory = "");

/// The same on a worker; `done` on the loop thread.
void choose_shim(Executor& executor, const std::string& setting, std::function<void(Result<ShimChoice>)> done);

}  // namespace gantry::containerd
