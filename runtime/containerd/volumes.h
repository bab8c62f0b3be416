#pragma once

// The volumes of pods as files and directories of the host.
//
// Everything lies below one directory:
//
//   pods/<pod>/empty/<volume>       an emptyDir on disk
//   pods/<pod>/memory/<volume>      an emptyDir in memory: a tmpfs of its own
//   pods/<pod>/subpath/<container>.<number>  a bind mount of a volume's sub path
//   pods/<pod>/artifacts/<number>   an input artifact (artifacts.h)
//   pods/<pod>/scripts/<container>  a script
//   pods/<pod>/hosts, resolv.conf   the pod's /etc/hosts and /etc/resolv.conf
//   files/<pod>/<volume>            secrets and configMaps; `files` is one tmpfs for all pods
//   claims/<owner>/<claim>
//
// Immutable once opened, so any thread may call; all functions block, so a worker should. Names
// become paths only after they were checked.

#include <map>
#include <string>
#include <vector>

#include "base/error.h"
#include "runtime/containerd/oci_spec.h"
#include "runtime/pod.h"

namespace gantry::containerd {

/// [A-Za-z0-9._-], not empty, not "." or "..".
bool is_safe_name(std::string_view name);

/// Unmounts what is mounted at `path`, until nothing is. Nothing there is no error.
Result<void> unmount(const std::string& path);

/// What of a pod is on the host.
struct PodFiles {
  std::map<std::string, std::string> volumes;  ///< Volume::name → where it is
  /// Container → its mounts, the script's and the artifacts' too. Those that were asked for.
  std::map<std::string, std::vector<BindMount>> mounts;
  std::string hosts;
  std::string resolv_conf;  ///< empty: the pod has none of its own
};

class Volumes {
 public:
  /// Makes the directories and mounts the tmpfs, unless that was done before.
  static Result<Volumes> open(const std::string& directory, std::string host_hosts_file,
                              std::string host_resolv_conf = {});

  /// Makes the pod's files, all but the mounts of its containers, and places its input artifacts.
  /// `address`: hosts_text(). What is there already (from a try that was cut off) is made again or
  /// kept. InvalidArgument and FailedPrecondition name the volume.
  Result<PodFiles> create(const runtime::PodSpec& pod, const std::string& address = {}) const;
  /// The mounts of one container; makes its sub paths, which containers before it may have filled.
  Result<std::vector<BindMount>> mount(const runtime::PodSpec& pod,
                                       const runtime::ContainerSpec& container) const;
  /// Where create() and mount() put them; makes nothing.
  [[nodiscard]] PodFiles find(const runtime::PodSpec& pod) const;
  [[nodiscard]] std::string pod_directory(const std::string& pod_id) const;
  /// The pods that have a directory.
  [[nodiscard]] std::vector<std::string> pods() const;
  /// Those that have claims.
  [[nodiscard]] std::vector<std::string> claim_owners() const;
  /// Unmounts and removes what create() made, but claims and host paths. By id alone: it also
  /// clears up after an earlier life.
  Result<void> remove(const std::string& pod_id) const;
  Result<void> remove_claims(const std::string& owner) const;

 private:
  Volumes(std::string directory, std::string host_hosts_file, std::string host_resolv_conf);
  [[nodiscard]] std::vector<std::string> names_in(const char* directory) const;
  [[nodiscard]] std::string path_of(const runtime::PodSpec& pod,
                                    const runtime::Volume& volume) const;
  Result<void> create_volume(const runtime::PodSpec& pod, const runtime::Volume& volume) const;
  Result<std::string> bind_sub_path(const std::string& root, const runtime::VolumeMount& mount,
                                    const std::string& target) const;
  template <class SubPath>
  Result<std::vector<BindMount>> mounts_of(const runtime::PodSpec& pod,
                                           const runtime::ContainerSpec& container,
                                           SubPath sub_path) const;
  Result<void> write_names(const runtime::PodSpec& pod, const std::string& address,
                           PodFiles& files) const;

  std::string directory_;
  std::string host_hosts_file_, host_resolv_conf_;
};

}  // namespace gantry::containerd
