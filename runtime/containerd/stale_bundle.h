#pragma once

#include <string>

#include "base/error.h"
#include "runtime/containerd/cgroup.h"

namespace gantry::containerd {

/// Clears away what a containerd that was killed while it made a task can leave: the task's bundle
/// with its mount, a shim, the OCI runtime's state, a process in the cgroup. containerd cleans up
/// when it comes back, but when the OCI runtime had not come far its clean-up fails; it then
/// forgets the task, and every later create of the same id fails with "file exists".
///
/// Only for a task that containerd says it does not know. `bundle` is the task's directory below
/// containerd's state directory; nothing is done if there is none. Blocks.
Result<void> remove_stale_bundle(const std::string& bundle, const std::string& name_space,
                                 const std::string& id, const CgroupLayout& cgroups,
                                 const std::string& cgroups_path);

/// Ends the shims of the containerd at `socket` that have lost their bundle: containerd has given such a task up and
/// removed its directory, but could not reach the shim, which would wait for ever. Blocks.
void kill_stray_shims(const std::string& socket, const std::string& name_space);

/// Whether an ended container's program was perhaps never run: the OCI runtime's `start` takes away
/// the fifo that its init waits at, and did not come that far. Blocks.
bool start_was_cut_off(const std::string& name_space, const std::string& id);

}  // namespace gantry::containerd
