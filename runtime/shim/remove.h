#pragma once

// `delete`: cleans up behind a server that has gone, and prints containerd.task.v2.DeleteResponse. containerd runs it
// whenever the connection to the server closes, so also after every task that was deleted as it should be: then the
// answer is in the bundle (bundle.h), and nothing is left to do.
//
// Otherwise the container is killed, with all its processes, its runtime's state removed, its root file system
// unmounted, and its exit status is 137.

#include "runtime/shim/command_line.h"

namespace gantry::shim {

Result<void> remove(const CommandLine& line);

}  // namespace gantry::shim
