#pragma once

// A container's root file system before it is mounted: the directories that a snapshot's mounts
// name. Needed for /etc/passwd and /etc/group, which decide the user that the OCI specification
// must name by number.

#include <optional>
#include <string>
#include <vector>

namespace gantry::containerd {

/// The directories of a root file system, the uppermost first. `type`, `source` and `options` are a
/// containerd mount: an overlay (`upperdir=`, `lowerdir=a:b`) or a bind of one directory.
std::vector<std::string> layer_directories(const std::string& type, const std::string& source,
                                           const std::vector<std::string>& options);

/// The content of `path` in the uppermost layer that has it; nothing if none has, if a layer hides
/// it (a whiteout), or if it is larger than 1 MiB. Links are followed within the layer they are in.
/// Blocks.
std::optional<std::string> read_in_layers(const std::vector<std::string>& directories,
                                          const std::string& path);

}  // namespace gantry::containerd
