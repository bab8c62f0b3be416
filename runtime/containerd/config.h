#pragma once

// The settings of the containerd runtime. Immutable once it runs.

#include <cstdint>
#include <functional>
#include <string>

namespace gantry::containerd {

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
  std::string cgroup_root =
      "/gantry";                    ///< below the cgroup file system; PodSpec::cgroup is below it
  std::string init;                 ///< a static tini; empty: it is looked for
  int max_concurrent_prepares = 0;  ///< 0: twice the processors
  std::string resolv_conf = "/etc/resolv.conf";
  std::string hosts = "/etc/hosts";
  std::int64_t default_pids = 1024;  ///< of a container that names no limit
  /// What an operator should know and no pod's owner can be told. Loop thread.
  std::function<void(const std::string&)> log = [](const std::string&) {};
};

}  // namespace gantry::containerd
