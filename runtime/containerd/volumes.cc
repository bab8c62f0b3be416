#include "runtime/containerd/volumes.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <optional>

#include "base/unique_fd.h"
#include "runtime/containerd/artifacts.h"
#include "runtime/containerd/name_resolution.h"
#include "runtime/containerd/process.h"
#include "runtime/containerd/rooted.h"

namespace gantry::containerd {
namespace {

namespace fs = std::filesystem;
using runtime::PodSpec;
using runtime::Volume;

constexpr long kTmpfsMagic = 0x01021994;  // linux/magic.h
constexpr char kResolvedServers[] = "/run/systemd/resolve/resolv.conf";

template <class... Visitors>
struct Overloaded : Visitors... {
  using Visitors::operator()...;
};

Result<void> make_directory(const std::string& path, unsigned mode) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) return fail(errno_error("mkdir " + path, error.value()));
  // The umask takes bits away from mkdir's mode.
  if (::chmod(path.c_str(), mode) != 0) return fail(errno_error("chmod " + path, errno));
  return {};
}

Result<void> mount_tmpfs(const std::string& path, const std::string& options) {
  struct statfs info {};
  struct stat here {
  }, above{};
  const bool mounted = ::statfs(path.c_str(), &info) == 0 && info.f_type == kTmpfsMagic &&
                       ::stat(path.c_str(), &here) == 0 &&
                       ::stat((path + "/..").c_str(), &above) == 0 && here.st_dev != above.st_dev;
  if (mounted) return {};
  if (::mount("tmpfs", path.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, options.c_str()) != 0) {
    return fail(errno_error("mount a tmpfs at " + path, errno));
  }
  return {};
}

Result<void> remove_tree(const std::string& path) {
  std::error_code error;
  fs::remove_all(path, error);
  if (error) return fail(errno_error("remove " + path, error.value()));
  return {};
}

Result<void> write_file(int directory, const std::string& name, const std::string& content,
                        unsigned mode) {
  ::unlinkat(directory, name.c_str(), 0);
  UniqueFd fd(::openat(directory, name.c_str(),
                       O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd.valid()) return fail(errno_error("create " + name, errno));
  std::string_view rest = content;
  while (!rest.empty()) {
    const ssize_t written = ::write(fd.get(), rest.data(), rest.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return fail(errno_error("write " + name, errno));
    rest.remove_prefix(static_cast<std::size_t>(written));
  }
  if (::fchmod(fd.get(), mode) != 0) return fail(errno_error("chmod " + name, errno));
  return {};
}

Result<void> write_file(const std::string& path, const std::string& content, unsigned mode) {
  return write_file(AT_FDCWD, path, content, mode);
}

// A path inside a Files volume: relative, and never up.
bool is_inside(const std::string& path) {
  if (path.empty() || path.starts_with('/')) return false;
  for (const auto& part : fs::path(path)) {
    if (part == ".." || part.empty()) return false;
  }
  return true;
}

// Kubernetes' fsGroup (pkg/volume/volume_linux.go): the group owns the volume, new files inherit
// it.
Result<void> give_to_group(const std::string& path, std::int64_t group) {
  struct stat info {};
  if (::chown(path.c_str(), static_cast<uid_t>(-1), static_cast<gid_t>(group)) != 0 ||
      ::stat(path.c_str(), &info) != 0 ||
      ::chmod(path.c_str(), (info.st_mode & 07777) | S_ISGID | 0070) != 0) {
    return fail(errno_error("give " + path + " to group " + std::to_string(group), errno));
  }
  return {};
}

Result<void> create_files(const std::string& path, const runtime::Files& files,
                          std::optional<std::int64_t> group) {
  if (auto made = make_directory(path, 0755); !made) return made;
  auto root = open_root(path);
  if (!root) return fail(root.error());
  for (const auto& file : files.files) {
    if (!is_inside(file.path)) {
      return fail(Code::InvalidArgument, "path \"" + file.path + "\" leads out of the volume");
    }
    const fs::path relative = file.path;
    auto parent = make_directories_in(root->get(), relative.parent_path(), 0755);
    if (!parent) return fail(parent.error());
    // Kubernetes lets the group read what it is given.
    const unsigned mode = group ? file.mode | 0440 : file.mode;
    const std::string name = relative.filename();
    if (auto written = write_file(parent->get(), name, file.content, mode & 07777); !written) {
      return written;
    }
    if (group && ::fchownat(parent->get(), name.c_str(), static_cast<uid_t>(-1),
                            static_cast<gid_t>(*group), AT_SYMLINK_NOFOLLOW) != 0) {
      return fail(errno_error("chown " + file.path, errno));
    }
  }
  return {};
}

// Kubernetes' words and rules (pkg/volume/hostpath/host_path.go).
Result<void> check_host_path(const runtime::HostPath& volume) {
  struct stat info {};
  const std::string& path = volume.path;
  const std::string& type = volume.type;
  const bool exists = ::stat(path.c_str(), &info) == 0;
  const auto wrong = [&](const char* what) {
    return fail(Code::FailedPrecondition,
                "hostPath type check failed: " + path + " is not " + what);
  };
  if (!path.starts_with('/')) return fail(Code::InvalidArgument, "hostPath must be absolute");
  if (type == "DirectoryOrCreate") {
    if (!exists) return make_directory(path, 0755);
    return S_ISDIR(info.st_mode) ? Result<void>{} : wrong("a directory");
  }
  if (type == "FileOrCreate") {
    if (!exists) {
      UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
      if (!fd.valid()) return fail(errno_error("create " + path, errno));
      return {};
    }
    return S_ISREG(info.st_mode) ? Result<void>{} : wrong("a file");
  }
  if (type == "Directory")
    return exists && S_ISDIR(info.st_mode) ? Result<void>{} : wrong("a directory");
  if (type == "File") return exists && S_ISREG(info.st_mode) ? Result<void>{} : wrong("a file");
  if (type == "Socket")
    return exists && S_ISSOCK(info.st_mode) ? Result<void>{} : wrong("a socket file");
  if (type == "CharDevice")
    return exists && S_ISCHR(info.st_mode) ? Result<void>{} : wrong("a character device");
  if (type == "BlockDevice")
    return exists && S_ISBLK(info.st_mode) ? Result<void>{} : wrong("a block device");
  if (!type.empty()) return fail(Code::InvalidArgument, "unknown hostPath type \"" + type + "\"");
  // No check asked for: a missing path becomes a directory, as container runtimes do it for
  // Kubernetes.
  return exists ? Result<void>{} : make_directory(path, 0755);
}

Error in_volume(const Error& error, const std::string& volume) {
  return error.wrap("volume \"" + volume + "\"");
}

}  // namespace

bool is_safe_name(std::string_view name) {
  return !name.empty() && name != "." && name != ".." && name.size() <= 255 &&
         std::all_of(name.begin(), name.end(), [](unsigned char c) {
           return std::isalnum(c) != 0 || c == '.' || c == '_' || c == '-';
         });
}

Result<void> unmount(const std::string& path) {
  for (;;) {
    if (::umount2(path.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) == 0) continue;
    if (errno == EINVAL || errno == ENOENT) return {};
    return fail(errno_error("umount " + path, errno));
  }
}

Volumes::Volumes(std::string directory, std::string host_hosts_file, std::string host_resolv_conf)
    : directory_(std::move(directory)),
      host_hosts_file_(std::move(host_hosts_file)),
      host_resolv_conf_(std::move(host_resolv_conf)) {}

Result<Volumes> Volumes::open(const std::string& directory, std::string host_hosts_file,
                              std::string host_resolv_conf) {
  for (const char* name : {"pods", "files", "claims"}) {
    // Host users have no business in here; containers get at their parts through mounts.
    if (auto made = make_directory(directory + "/" + name, 0700); !made) return fail(made.error());
  }
  if (auto mounted = mount_tmpfs(directory + "/files", "mode=0700"); !mounted) {
    return fail(mounted.error());
  }
  return Volumes(directory, std::move(host_hosts_file), std::move(host_resolv_conf));
}

std::string Volumes::pod_directory(const std::string& pod_id) const {
  return directory_ + "/pods/" + pod_id;
}

std::string Volumes::path_of(const PodSpec& pod, const Volume& volume) const {
  return std::visit(Overloaded{[&](const runtime::EmptyDir& empty) {
                                 return pod_directory(pod.id) +
                                        (empty.memory ? "/memory/" : "/empty/") + volume.name;
                               },
                               [&](const runtime::HostPath& host) { return host.path; },
                               [&](const runtime::Files&) {
                                 return directory_ + "/files/" + pod.id + "/" + volume.name;
                               },
                               [&](const runtime::Projected&) {
                                 return directory_ + "/files/" + pod.id + "/" + volume.name;
                               },
                               [&](const runtime::Claim& claim) {
                                 return directory_ + "/claims/" + claim.owner + "/" + claim.name;
                               }},
                    volume.source);
}

Result<void> Volumes::create_volume(const PodSpec& pod, const Volume& volume) const {
  if (!is_safe_name(volume.name)) return fail(Code::InvalidArgument, "bad name");
  const std::string path = path_of(pod, volume);
  // A pod has one fsGroup; the specification carries it with each container.
  std::optional<std::int64_t> group;
  if (!pod.containers.empty()) group = pod.containers.front().security.fs_group;
  return std::visit(
      Overloaded{[&](const runtime::EmptyDir& empty) -> Result<void> {
                   auto made = make_directory(path, 0777);
                   if (made && empty.memory) {
                     std::string options = "mode=0777";
                     if (empty.size_limit_bytes > 0) {
                       options += ",size=" + std::to_string(empty.size_limit_bytes);
                     }
                     made = mount_tmpfs(path, options);
                   }
                   return made && group ? give_to_group(path, *group) : made;
                 },
                 [&](const runtime::HostPath& host) { return check_host_path(host); },
                 [&](const runtime::Files& files) { return create_files(path, files, group); },
                 [&](const runtime::Projected& projected) -> Result<void> {
                   auto made = make_directory(path, 0755);
                   for (const runtime::Files& files : projected.sources) {
                     if (made) made = create_files(path, files, group);
                   }
                   return made;
                 },
                 [&](const runtime::Claim& claim) -> Result<void> {
                   if (!is_safe_name(claim.owner) || !is_safe_name(claim.name)) {
                     return fail(Code::InvalidArgument, "bad claim name");
                   }
                   auto made = make_directory(path, 0777);
                   return made && group ? give_to_group(path, *group) : made;
                 }},
      volume.source);
}

Result<std::string> Volumes::bind_sub_path(const std::string& root,
                                           const runtime::VolumeMount& mount,
                                           const std::string& target) const {
  auto directory = open_root(root);
  if (!directory) return fail(directory.error());
  auto found = open_in(directory->get(), mount.sub_path, O_PATH);
  if (!found && found.error().code == Code::NotFound) {
    found = make_directories_in(directory->get(), mount.sub_path, 0777);
  }
  if (!found) return fail(found.error());
  struct stat info {};
  if (::fstat(found->get(), &info) != 0) return fail(errno_error("stat", errno));
  if (auto gone = unmount(target); !gone) return fail(gone.error());
  if (S_ISDIR(info.st_mode)) {
    if (auto made = make_directory(target, 0755); !made) return fail(made.error());
  } else {
    if (auto made = make_directory(fs::path(target).parent_path(), 0755); !made) {
      return fail(made.error());
    }
    if (auto made = write_file(target, "", 0644); !made) return fail(made.error());
  }
  // The OCI runtime would follow the path once more, and another pod of the claim could put a link
  // in its way by then. What is mounted is what was opened.
  const std::string source = "/proc/self/fd/" + std::to_string(found->get());
  if (::mount(source.c_str(), target.c_str(), nullptr, MS_BIND | MS_REC, nullptr) != 0) {
    return fail(errno_error("bind " + target, errno));
  }
  return target;
}

template <class SubPath>
Result<std::vector<BindMount>> Volumes::mounts_of(const PodSpec& pod,
                                                  const runtime::ContainerSpec& container,
                                                  SubPath sub_path) const {
  std::vector<BindMount> mounts;
  int number = 0;
  for (const auto& mount : container.mounts) {
    const auto found =
        std::find_if(pod.volumes.begin(), pod.volumes.end(),
                     [&](const Volume& volume) { return volume.name == mount.volume; });
    if (found == pod.volumes.end()) {
      return fail(Code::InvalidArgument, "volumeMount \"" + mount.volume + "\" of container \"" +
                                             container.name + "\" names no volume of the pod");
    }
    BindMount bind{path_of(pod, *found), mount.mount_path, mount.read_only};
    // Secrets and configMaps are read-only in Kubernetes whatever the mount says.
    if (std::holds_alternative<runtime::Files>(found->source) ||
        std::holds_alternative<runtime::Projected>(found->source)) {
      bind.read_only = true;
    }
    const auto* claim = std::get_if<runtime::Claim>(&found->source);
    if (claim != nullptr && claim->read_only) bind.read_only = true;
    if (!mount.sub_path.empty()) {
      const std::string target =
          pod_directory(pod.id) + "/subpath/" + container.name + "." + std::to_string(number++);
      auto source = sub_path(bind.source, mount, target);
      if (!source) return fail(in_volume(source.error(), mount.volume));
      bind.source = *source;
    }
    mounts.push_back(std::move(bind));
  }
  if (container.script) {
    mounts.push_back({pod_directory(pod.id) + "/scripts/" + container.name, kScriptPath, true});
  }
  const auto inputs = input_mounts(pod, pod_directory(pod.id), container.name);
  mounts.insert(mounts.end(), inputs.begin(), inputs.end());
  return mounts;
}

Result<PodFiles> Volumes::create(const PodSpec& pod, const std::string& address) const {
  PodFiles files;
  const std::string directory = pod_directory(pod.id);
  if (auto made = make_directory(directory, 0711); !made) return fail(made.error());
  for (const Volume& volume : pod.volumes) {
    if (auto made = create_volume(pod, volume); !made) {
      return fail(in_volume(made.error(), volume.name));
    }
    files.volumes[volume.name] = path_of(pod, volume);
  }
  for (const auto& container : pod.containers) {
    if (!is_safe_name(container.name)) {
      return fail(Code::InvalidArgument, "bad container name \"" + container.name + "\"");
    }
    if (!container.script) continue;
    if (auto made = make_directory(directory + "/scripts", 0711); !made) return fail(made.error());
    auto written = write_file(directory + "/scripts/" + container.name, *container.script, 0755);
    if (!written) return fail(written.error());
  }
  if (auto placed = place_inputs(pod, directory, files.volumes); !placed)
    return fail(placed.error());
  if (auto written = write_names(pod, address, files); !written) return fail(written.error());
  return files;
}

Result<void> Volumes::write_names(const PodSpec& pod, const std::string& address,
                                  PodFiles& files) const {
  const auto text_of = [](const std::string& path) {
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    return fd.valid() ? read_regular(fd.get(), 1 << 20).value_or("") : std::string();
  };
  files.hosts = pod_directory(pod.id) + "/hosts";
  const bool on_host = pod.network == runtime::Network::Host;
  const std::string hosts = hosts_text(pod, address, on_host ? text_of(host_hosts_file_) : "");
  if (auto written = write_file(files.hosts, hosts, 0644); !written) return written;
  if (!needs_resolv_conf(pod)) return {};
  std::string resolver = text_of(host_resolv_conf_);
  // The servers behind systemd-resolved's own, which listens on the loopback only.
  if (!on_host && !has_reachable_server(resolver)) resolver = text_of(kResolvedServers);
  files.resolv_conf = pod_directory(pod.id) + "/resolv.conf";
  return write_file(files.resolv_conf, resolv_conf_text(pod, resolver), 0644);
}

Result<std::vector<BindMount>> Volumes::mount(const PodSpec& pod,
                                              const runtime::ContainerSpec& container) const {
  return mounts_of(pod, container,
                   [&](const std::string& root, const auto& mount, const auto& target) {
                     return bind_sub_path(root, mount, target);
                   });
}

PodFiles Volumes::find(const PodSpec& pod) const {
  PodFiles files;
  for (const Volume& volume : pod.volumes) files.volumes[volume.name] = path_of(pod, volume);
  for (const auto& container : pod.containers) {
    auto mounts =
        mounts_of(pod, container,
                  [](const std::string&, const auto&,
                     const std::string& target) -> Result<std::string> { return target; });
    if (mounts) files.mounts[container.name] = std::move(*mounts);
  }
  files.hosts = pod_directory(pod.id) + "/hosts";
  if (needs_resolv_conf(pod)) files.resolv_conf = pod_directory(pod.id) + "/resolv.conf";
  return files;
}

std::vector<std::string> Volumes::pods() const { return names_in("/pods"); }
std::vector<std::string> Volumes::claim_owners() const { return names_in("/claims"); }

std::vector<std::string> Volumes::names_in(const char* directory) const {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator it(directory_ + directory, error), end; !error && it != end; it.increment(error)) {
    names.push_back(it->path().filename());
  }
  return names;
}

Result<void> Volumes::remove(const std::string& pod_id) const {
  if (!is_safe_name(pod_id)) return fail(Code::InvalidArgument, "bad pod id");
  const std::string directory = pod_directory(pod_id);
  // Nothing that is still mounted may be walked into: it can be a directory of the host.
  for (const char* kind : {"/subpath", "/memory"}) {
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(directory + kind, ignored)) {
      const std::string path = entry.path();
      if (auto gone = unmount(path); !gone) return gone;
      if (std::remove(path.c_str()) != 0) return fail(errno_error("remove " + path, errno));
    }
  }
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(directory + "/artifacts", none)) {
    if (auto gone = unmount(entry.path().string() + "/merged"); !gone) return gone;
  }
  if (auto removed = remove_tree(directory); !removed) return removed;
  return remove_tree(directory_ + "/files/" + pod_id);
}

Result<void> Volumes::remove_claims(const std::string& owner) const {
  if (!is_safe_name(owner)) return fail(Code::InvalidArgument, "bad owner");
  return remove_tree(directory_ + "/claims/" + owner);
}

}  // namespace gantry::containerd
