#pragma once

// The volumes of pods as files and directories of the host.
//
// Everything lies below one directory:
//
//   pods/<pod>/empty/<volume>       an emptyDir on disk
//   pods/<pod>/memory/<volume>      an emptyDir in memory: a tmpfs of its own
//   pods/<pod>/subpath/<number>     a bind mount of a volume's sub path
//   pods/<pod>/scripts/<container>  a script
//   pods/<pod>/hosts                the pod's /etc/hosts
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

/// What of a pod is on the host.
struct PodFiles {
  std::map<std::string, std::string> volumes;  ///< Volume::name → where it is
  std::map<std::string, std::vector<BindMount>>
      mounts;  ///< container → its mounts, the script's too
  std::string hosts;
};

class Volumes {
 public:
  /// Makes the directories and mounts the tmpfs, unless that was done before.
  static Result<Volumes> open(const std::string& directory, std::string host_hosts_file);

  /// Makes the pod's files. What is there already (from a try that was cut off) is made again or
  /// kept. InvalidArgument and FailedPrecondition name the volume.
  Result<PodFiles> create(const runtime::PodSpec& pod) const;
  /// Where create() put them; makes nothing.
  [[nodiscard]] PodFiles find(const runtime::PodSpec& pod) const;
  /// Unmounts and removes what create() made, but claims and host paths. By id alone: it also
  /// clears up after an earlier life.
  Result<void> remove(const std::string& pod_id) const;
  Result<void> remove_claims(const std::string& owner) const;

 private:
  Volumes(std::string directory, std::string host_hosts_file);
  [[nodiscard]] std::string pod_directory(const std::string& pod_id) const;
  [[nodiscard]] std::string path_of(const runtime::PodSpec& pod,
                                    const runtime::Volume& volume) const;
  Result<void> create_volume(const runtime::PodSpec& pod, const runtime::Volume& volume) const;
  Result<std::string> bind_sub_path(const runtime::PodSpec& pod, const std::string& root,
                                    const runtime::VolumeMount& mount, int number) const;
  template <class SubPath>
  Result<std::vector<BindMount>> mounts_of(const runtime::PodSpec& pod,
                                           const runtime::ContainerSpec& container,
                                           const std::map<std::string, std::string>& volumes,
                                           int& number, SubPath sub_path) const;

  std::string directory_;
  std::string host_hosts_file_;
};

}  // namespace gantry::containerd
