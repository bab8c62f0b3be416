#pragma once

// The settings of the containerd runtime. Immutable once it runs.

#include <cstdint>
#include <functional>
#include <string>

namespace gantry::containerd {

/// The network `bridge`.
struct BridgeConfig {
  bool enabled = false;
  std::string name = "gantry0";  ///< of the interface
  std::string subnet;   ///< "10.88.0.0/24"; empty: the first 10.88.x.0/24 that no route of the host
                        ///< leads into
  std::string plugins;  ///< directory of the CNI plugins; empty: where Debian and others put them
  bool masquerade = true;  ///< pods reach what the host reaches
  int prepared = 2;        ///< namespaces that are ready before a pod asks
};

struct Config {
  std::string socket = "/run/containerd/containerd.sock";
  /// containerd's own `state` directory: an ended task's root file system is mounted below it until
  /// it is deleted.
  std::string containerd_state = "/run/containerd";
  std::string name_space = "gantry";
  std::string state_dir;  ///< absolute; the pods' volumes, claims and scripts lie below it
  std::string log_root;   ///< absolute; PodSpec::log_directory is relative to it
  std::string snapshotter = "overlayfs";
  std::string runtime_binary;  ///< "crun", "runc", or a path; empty: containerd's default, runc
  std::string shim;            ///< a path; empty: containerd's own, io.containerd.runc.v2
  std::string cgroup_root =
      "/gantry";                    ///< below the cgroup file system; PodSpec::cgroup is below it
  std::string init;                 ///< a static tini; empty: it is looked for
  int max_concurrent_prepares = 0;  ///< 0: twice the processors
  std::string resolv_conf = "/etc/resolv.conf";
  std::string hosts = "/etc/hosts";
  BridgeConfig bridge;
  std::string seccomp_dir = "/etc/gantry/seccomp";  ///< of the profiles that pods name
  std::int64_t default_pids = 1024;                 ///< of a container that names no limit
  /// What an operator should know and no pod's owner can be told. Loop thread.
  std::function<void(const std::string&)> log = [](const std::string&) {};
};

}  // namespace gantry::containerd
