#pragma once

#include "base/error.h"
#include "runtime/containerd/cgroup.h"
#include "runtime/containerd/config.h"
#include "runtime/containerd/oci_spec.h"

namespace gantry::containerd {

/// Looks at this host. Blocks; for the start of the runtime. FailedPrecondition, with what to
/// install: no static init was found, or the kernel is older than 5.10 (openat2, and overlay's
/// `volatile`).
Result<HostFacts> find_host_facts(const Config& config, const CgroupLayout& cgroups);

}  // namespace gantry::containerd
