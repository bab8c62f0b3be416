#pragma once

#include <vector>

#include "base/error.h"
#include "runtime/containerd/oci_spec.h"

namespace gantry::containerd {

/// What the host has at the paths of the container's devices. Blocks for no longer than stat() does;
/// to be asked when the container is made, because devices come and go. NotFound: there is nothing
/// at a path; InvalidArgument: something else than a device.
Result<std::vector<GivenDevice>> find_devices(const runtime::ContainerSpec& container);

}  // namespace gantry::containerd
