#include "runtime/containerd/artifacts.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "runtime/containerd/rooted.h"
#include "runtime/containerd/tree_copy.h"

namespace gantry::containerd {
namespace {

namespace fs = std::filesystem;
using runtime::InputArtifact;
using runtime::PodSpec;

std::string place_of(const std::string& pod_directory, std::size_t number) {
  return pod_directory + "/artifacts/" + std::to_string(number);
}

std::string clean(const std::string& path) {
  std::string text = fs::path(path).lexically_normal();
  while (text.size() > 1 && text.ends_with('/')) text.pop_back();
  return text;
}

/// The mount of the artifact's first container that its path lies below; null: none.
const runtime::VolumeMount* volume_of(const PodSpec& pod, const InputArtifact& artifact) {
  const runtime::VolumeMount* best = nullptr;
  for (const auto& container : pod.containers) {
    if (artifact.containers.empty() || container.name != artifact.containers.front()) continue;
    for (const auto& mount : container.mounts) {
      if (!lies_below(clean(artifact.path), clean(mount.mount_path))) continue;
      if (best == nullptr || clean(mount.mount_path).size() > clean(best->mount_path).size())
        best = &mount;
    }
  }
  return best;
}

Result<void> check(const PodSpec& pod, const InputArtifact& artifact) {
  if (artifact.containers.empty()) return fail(Code::InvalidArgument, "is for no container");
  if (!artifact.path.starts_with('/') || clean(artifact.path) == "/") {
    return fail(Code::InvalidArgument, "must be an absolute path below /");
  }
  if (!artifact.source.starts_with('/'))
    return fail(Code::InvalidArgument, "its source must be absolute");
  for (const std::string& name : artifact.containers) {
    const bool known = std::any_of(pod.containers.begin(), pod.containers.end(),
                                   [&](const auto& container) { return container.name == name; });
    if (!known)
      return fail(Code::InvalidArgument, "names no container of the pod: \"" + name + "\"");
  }
  return {};
}

Result<void> set_mode(int directory, const std::string& name, const InputArtifact& artifact) {
  if (!artifact.mode) return {};
  return change_mode(directory, name, *artifact.mode, artifact.recurse_mode);
}

Result<void> copy_into_volume(const InputArtifact& artifact, int source,
                              const runtime::VolumeMount& mount, const std::string& volume) {
  auto root = open_root(volume);
  if (!root) return fail(root.error());
  if (!mount.sub_path.empty()) {
    root = make_directories_in(root->get(), mount.sub_path, 0777);
    if (!root) return fail(root.error());
  }
  const std::string rest = clean(artifact.path).substr(clean(mount.mount_path).size());
  const fs::path relative = fs::path(rest).relative_path();
  // An artifact at the mount point itself fills the volume.
  if (relative.empty()) {
    if (auto copied = copy_opened(source, root->get(), ".", CopyMode::Copy); !copied) return copied;
    return set_mode(root->get(), ".", artifact);
  }
  auto parent = make_directories_in(root->get(), relative.parent_path(), 0755);
  if (!parent) return fail(parent.error());
  const std::string name = relative.filename();
  // A volume may outlive the pod, or the last try: a file of before gives way.
  struct stat info {};
  if (::fstatat(parent->get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0 &&
      !S_ISDIR(info.st_mode)) {
    ::unlinkat(parent->get(), name.c_str(), 0);
  }
  if (auto copied = copy_opened(source, parent->get(), name, CopyMode::Copy); !copied)
    return copied;
  return set_mode(parent->get(), name, artifact);
}

/// In the options of mount(2), ':' and ',' separate.
std::string escaped(const std::string& path) {
  std::string text;
  for (const char c : path) {
    if (c == ':' || c == ',' || c == '\\') text += '\\';
    text += c;
  }
  return text;
}

Result<void> lay_over(const InputArtifact& artifact, int source, const struct stat& info,
                      const std::string& place) {
  std::error_code error;
  for (const char* name : {"/upper", "/work", "/merged"}) {
    fs::create_directories(place + name, error);
    if (error) return fail(errno_error("mkdir " + place + name, error.value()));
  }
  // The root of an overlay has the attributes of the upper directory.
  if (::chown((place + "/upper").c_str(), info.st_uid, info.st_gid) != 0 ||
      ::chmod((place + "/upper").c_str(), info.st_mode & 07777) != 0) {
    return fail(errno_error("chmod " + place, errno));
  }
  // What is written is thrown away with the pod, so it need not reach the disk. A change of mode
  // copies no content.
  const std::string options =
      "lowerdir=" + escaped(artifact.source) + ",upperdir=" + escaped(place + "/upper") +
      ",workdir=" + escaped(place + "/work") + ",volatile,metacopy=on,redirect_dir=on";
  const std::string merged = place + "/merged";
  if (::mount("overlay", merged.c_str(), "overlay", MS_NODEV, options.c_str()) != 0) {
    // An overlay's upper directory cannot be on every file system (another overlay, NFS).
    if (errno != EINVAL && errno != ENOTSUP && errno != ENODEV)
      return fail(errno_error("mount overlay", errno));
    auto parent = open_root(place);
    if (!parent) return fail(parent.error());
    if (auto copied = copy_opened(source, parent->get(), "merged", CopyMode::Copy); !copied)
      return copied;
  }
  auto root = open_root(merged);
  if (!root) return fail(root.error());
  return set_mode(root->get(), ".", artifact);
}

Result<void> copy_beside(const InputArtifact& artifact, int source, const std::string& place) {
  auto directory = open_root(place);
  if (!directory) return fail(directory.error());
  if (auto copied = copy_opened(source, directory->get(), "file", CopyMode::Copy); !copied)
    return copied;
  return set_mode(directory->get(), "file", artifact);
}

Result<void> place(const PodSpec& pod, std::size_t number, const std::string& pod_directory,
                   const std::map<std::string, std::string>& volumes) {
  const InputArtifact& artifact = pod.input_artifacts[number];
  if (auto checked = check(pod, artifact); !checked) return checked;
  const UniqueFd source(::open(artifact.source.c_str(), O_PATH | O_CLOEXEC));
  struct stat info {};
  if (!source.valid() || ::fstat(source.get(), &info) != 0)
    return fail(errno_error("open its source", errno));
  if (const auto* mount = volume_of(pod, artifact)) {
    const auto volume = volumes.find(mount->volume);
    if (volume == volumes.end())
      return fail(Code::InvalidArgument, "lies below a volume that does not exist");
    return copy_into_volume(artifact, source.get(), *mount, volume->second);
  }
  const std::string where = place_of(pod_directory, number);
  if (auto gone = unmount(where + "/merged"); !gone) return gone;
  std::error_code error;
  fs::remove_all(where, error);
  fs::create_directories(where, error);
  if (error) return fail(errno_error("mkdir " + where, error.value()));
  if (S_ISDIR(info.st_mode)) return lay_over(artifact, source.get(), info, where);
  return copy_beside(artifact, source.get(), where);
}

}  // namespace

Result<void> place_inputs(const PodSpec& pod, const std::string& pod_directory,
                          const std::map<std::string, std::string>& volumes) {
  for (std::size_t i = 0; i < pod.input_artifacts.size(); ++i) {
    if (auto placed = place(pod, i, pod_directory, volumes); !placed) {
      return fail(placed.error().wrap("input artifact at " + pod.input_artifacts[i].path));
    }
  }
  return {};
}

std::vector<BindMount> input_mounts(const PodSpec& pod, const std::string& pod_directory,
                                    const std::string& container) {
  std::vector<BindMount> mounts;
  for (std::size_t i = 0; i < pod.input_artifacts.size(); ++i) {
    const InputArtifact& artifact = pod.input_artifacts[i];
    const auto& names = artifact.containers;
    if (std::find(names.begin(), names.end(), container) == names.end() ||
        volume_of(pod, artifact) != nullptr) {
      continue;
    }
    const std::string where = place_of(pod_directory, i);
    std::error_code ignored;
    const bool file = fs::exists(where + "/file", ignored);
    mounts.push_back({where + (file ? "/file" : "/merged"), clean(artifact.path), false});
  }
  return mounts;
}

Result<void> stage_output(const runtime::OutputArtifact& output, const ContainerFiles& files,
                          const std::vector<BindMount>& mounts, const std::string& pod_directory) {
  auto found = files.open(output.path, O_PATH);
  if (!found) return fail(found.error());
  const fs::path staged = output.staged;
  auto target = open_root(staged.parent_path());
  if (!target) return fail(target.error());
  // The pod has ended, and what only it could write to nobody writes to any more.
  const auto mode_of = [&](const std::string& source) {
    const bool own = source.starts_with(pod_directory + "/empty/") ||
                     source.starts_with(pod_directory + "/artifacts/");
    return own ? CopyMode::Link : CopyMode::Copy;
  };
  const std::string path = clean(output.path);
  const BindMount* at = files.mount_of(path);
  const std::string name = staged.filename();
  auto copied = copy_opened(found->get(), target->get(), name,
                            at == nullptr ? CopyMode::Copy : mode_of(at->source));
  if (!copied) return fail(copied.error().wrap(output.path));

  // What the container saw mounted below the path belongs to it, parents first.
  std::vector<const BindMount*> below;
  for (const BindMount& mount : mounts) {
    if (mount.destination != path && lies_below(mount.destination, path)) below.push_back(&mount);
  }
  std::sort(below.begin(), below.end(),
            [](const auto* a, const auto* b) { return a->destination < b->destination; });
  for (const BindMount* mount : below) {
    const fs::path rest = fs::path(mount->destination).lexically_relative(path);
    auto copy =
        open_in(target->get(), name + "/" + rest.parent_path().string(), O_PATH | O_DIRECTORY);
    if (!copy) continue;  // the path leads elsewhere by a link
    const UniqueFd source(::open(mount->source.c_str(), O_PATH | O_CLOEXEC));
    if (!source.valid()) continue;
    struct stat info {};
    const std::string leaf = rest.filename();
    // The mount point of a file is an empty file.
    if (::fstatat(copy->get(), leaf.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0 &&
        S_ISREG(info.st_mode)) {
      ::unlinkat(copy->get(), leaf.c_str(), 0);
    }
    auto more = copy_opened(source.get(), copy->get(), leaf, mode_of(mount->source));
    if (!more && more.error().code != Code::FailedPrecondition) {
      return fail(more.error().wrap(mount->destination));
    }
  }
  return {};
}

}  // namespace gantry::containerd
