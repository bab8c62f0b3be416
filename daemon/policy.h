#pragma once

// What a pod may ask of the host. Checked on the final PodSpec, after every {{…}} is replaced, just
// before the runtime sees it: nothing that a workflow can say is added later.

#include <string>
#include <vector>

#include "base/error.h"
#include "runtime/pod.h"

namespace gantry {

struct Policy {
  /// Prefixes, normalised and absolute, of the host paths that may be mounted. Empty: none may.
  std::vector<std::string> host_path_allow;
  /// Privileged containers, capabilities beyond Kubernetes' Baseline standard, no seccomp
  /// filter, and the host's processes or IPC.
  bool allow_privileged = false;
  bool allow_host_network = true;
};

/// `a//b/./c/../d` → `a/b/d`; an absolute path never leaves the root. Symbolic links are not looked
/// at.
std::string normalise_path(const std::string& path);
/// Whether `path` is `prefix` or below it: whole components are compared.
bool is_below(const std::string& path, const std::string& prefix);

/// PermissionDenied, naming the volume or container and the key of the configuration that would
/// allow it. Pure: of the host paths only the text is checked.
Result<void> check_policy(const Policy& policy, const runtime::PodSpec& pod);

[[nodiscard]] bool has_host_paths(const runtime::PodSpec& pod);
/// Follows the symbolic links of every host path of the pod and checks where they end; the pod then
/// names the places themselves. Of a path that is to be created, the part that exists is followed.
/// Blocks: a worker. A process that may write in an allowed directory can still replace a component
/// between this check and the mount, so an allowed directory is only as safe as its writers.
Result<void> resolve_host_paths(const Policy& policy, runtime::PodSpec& pod);

}  // namespace gantry
