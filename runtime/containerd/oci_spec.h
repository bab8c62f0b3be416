#pragma once

// The OCI runtime specification of a container
// (https://github.com/opencontainers/runtime-spec/blob/v1.0.2/config.md). A pure function: what
// depends on the host comes in as HostFacts.
//
// The defaults are those of Docker and of containerd's CRI plugin: 14 capabilities, masked and
// read-only paths in /proc, /sys and the cgroup tree read-only, a process id namespace of its own
// with an init as process 1.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/error.h"
#include "runtime/containerd/user_lookup.h"
#include "runtime/pod.h"

namespace gantry::containerd {

struct DeviceNode {
  std::string path;
  bool block = false;
  std::int64_t major = 0, minor = 0;
  std::uint32_t mode = 0;
  std::uint32_t uid = 0, gid = 0;
};

/// A device that a container is given: `node` as it is on the host, but with the path in the container.
struct GivenDevice {
  DeviceNode node;
  std::string access;  ///< of r, w, m
};

/// What the specification needs to know about this host. Found once, at the start.
struct HostFacts {
  std::string init;              ///< a static tini or catatonit
  std::string resolv_conf;       ///< bind-mounted over /etc/resolv.conf; empty: none
  std::uint64_t open_files = 0;  ///< our own hard limit of RLIMIT_NOFILE
  std::int64_t default_pids = 1024;
  bool swap_accounting = true;      ///< the kernel can limit memory and swap together
  bool cgroup_v2 = false;           ///< the unified hierarchy only; otherwise v1 or hybrid
  int last_capability = 40;         ///< /proc/sys/kernel/cap_last_cap
  std::vector<DeviceNode> devices;  ///< what a privileged container sees besides the usual ones
};

/// A file or directory of the host that the container sees.
struct BindMount {
  std::string source, destination;
  bool read_only = false;
};

struct SpecInput {
  const runtime::PodSpec& pod;
  const runtime::ContainerSpec& container;
  std::vector<std::string> arguments;    ///< arguments_of()
  std::vector<std::string> environment;  ///< environment_of()
  std::string working_dir;
  Identity identity;
  std::vector<BindMount> mounts;  ///< in any order
  std::vector<GivenDevice> devices;
  std::string hosts_file;         ///< bind-mounted over /etc/hosts; empty: none
  std::string resolv_conf;        ///< over /etc/resolv.conf; empty: the host's on its network
  std::string cgroups_path;       ///< absolute, below the cgroup file system
  std::string network_namespace;  ///< a path; not for Network::Host. Empty: a new one
  std::string seccomp_profile;    ///< the text of the profile that the container names
  std::map<std::string, std::string> annotations;
};

/// The specification as JSON. InvalidArgument: a capability that does not exist, a mount that is
/// not absolute, two devices at one path.
Result<std::string> build_spec(const SpecInput& input, const HostFacts& host);

/// The capabilities (`CAP_CHOWN`) that a container gets: the default 14, then drop, then add; `ALL`
/// in either.
Result<std::vector<std::string>> capabilities_of(const runtime::Security& security,
                                                 int last_capability);

}  // namespace gantry::containerd
