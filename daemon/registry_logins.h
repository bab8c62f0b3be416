#pragma once

// Secrets of type kubernetes.io/dockerconfigjson and kubernetes.io/dockercfg. Pure.

#include <map>
#include <string>
#include <vector>

#include "base/error.h"
#include "runtime/pod.h"

namespace gantry {

/// The logins of a Secret's data: key `.dockerconfigjson` (`{"auths": {SERVER: {username, password}
/// or {auth}}}`), or
/// `.dockercfg`, which is what is inside of auths. None when it has neither key, as for the
/// kubelet. InvalidArgument when one of them does not hold that.
Result<std::vector<runtime::RegistryLogin>> registry_logins(
    const std::map<std::string, std::string>& data);

}  // namespace gantry
