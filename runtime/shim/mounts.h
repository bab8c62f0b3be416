#pragma once

// The mounts of a container's root file system, as containerd's snapshotters describe them (fstab's words).
// Source: containerd 1.6, mount/mount_linux.go. They block; the shim mounts and unmounts between other things only
// when its container does not run.

#include <string>
#include <vector>

#include "base/error.h"

namespace gantry::shim {

struct Mount {
  std::string type, source;
  std::vector<std::string> options;
};

/// The options as mount(2) takes them. Pure.
struct MountOptions {
  unsigned long flags = 0;
  std::string data;       ///< what the file system itself understands, with commas
  std::string directory;  ///< what lowerdir's paths are relative to; empty: they are as they were given
};
/// mount(2) takes one page of data. A longer lowerdir of an overlay is made relative to the directory that its parts
/// share. InvalidArgument: it is too long even so.
Result<MountOptions> parse_mount_options(const Mount& mount, std::size_t page_size);

/// Mounts all at `target`, in this order; what was mounted before a failure stays. Changes the working directory
/// while it works: no other thread may use relative paths.
Result<void> mount_all(const std::vector<Mount>& mounts, const std::string& target);

/// Unmounts whatever is mounted at `target`. False: it is in use still. `lazily` it is taken away all the same, and
/// vanishes with its last user.
bool unmount_all(const std::string& target, bool lazily);

}  // namespace gantry::shim
