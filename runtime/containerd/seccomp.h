#pragma once

// The system calls that a step may not make, unless its pod says seccompProfile Unconfined or is
// privileged.

#include <nlohmann/json.hpp>
#include <set>
#include <string>

namespace gantry::containerd {

/// The `linux.seccomp` object of an OCI specification for a container with these capabilities
/// (`CAP_SYS_ADMIN`).
///
/// What is refused is what Docker documents as blocked by its default profile
/// (https://docs.docker.com/engine/security/seccomp/), written as a list of refusals: everything
/// else is allowed, and compiling the filter costs a fraction of the 300-name list of permissions.
/// A call that a capability stands for is allowed to its holder.
nlohmann::json default_seccomp(const std::set<std::string>& capabilities);

}  // namespace gantry::containerd
