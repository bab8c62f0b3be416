#pragma once

// Network namespaces that are held by a file: a bind mount, as `ip netns` does it. Any thread;
// blocks.

#include <functional>
#include <string>

#include "base/error.h"

namespace gantry::containerd {

/// Makes a namespace with its loopback interface up and mounts it at `path`, which is created.
Result<void> make_net_namespace(const std::string& path);

/// Whether a namespace is mounted at `path`.
bool is_net_namespace(const std::string& path);

/// Unmounts and removes; what is not there is no error.
Result<void> remove_net_namespace(const std::string& path);

/// Runs `work` on a thread of its own in the namespace at `path` (or `/proc/<pid>/ns/net`) and
/// waits for it.
Result<void> in_net_namespace(const std::string& path, const std::function<void()>& work);

/// The address that the host has towards others: that of its default route, or else of the first
/// interface; empty: none.
std::string host_address();

}  // namespace gantry::containerd
