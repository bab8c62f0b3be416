#include "runtime/containerd/stale_bundle.h"

#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <csignal>
#include <filesystem>
#include <fstream>

namespace gantry::containerd {
namespace {

namespace fs = std::filesystem;

/// containerd may be removing the same directory at the same time: what vanishes under us is gone as well.
std::error_code remove_tree(const fs::path& path) {
  std::error_code error;
  for (int attempt = 0; attempt < 10; ++attempt) {
    fs::remove_all(path, error);
    if (error != std::errc::no_such_file_or_directory) break;
    error.clear();
    std::error_code ignored;
    if (!fs::exists(path, ignored)) break;
  }
  return error;
}

/// Where containerd's shim tells runc and crun to keep their state (pkg/process/utils.go RuncRoot).
constexpr char kRuncRoot[] = "/run/containerd/runc";

// A shim's working directory is its bundle.
void kill_shim(const fs::path& bundle) {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator("/proc", ignored)) {
    const std::string name = entry.path().filename();
    pid_t pid = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (error != std::errc{} || end != name.data() + name.size()) continue;
    std::error_code unreadable;
    if (fs::read_symlink(entry.path() / "cwd", unreadable) == bundle) ::kill(pid, SIGKILL);
  }
}

void kill_cgroup(const CgroupLayout& cgroups, const std::string& path) {
  std::ifstream processes(cgroups.memory_mount() + path + "/cgroup.procs");
  for (pid_t pid = 0; processes >> pid;) ::kill(pid, SIGKILL);
}

}  // namespace

Result<void> remove_stale_bundle(const std::string& bundle, const std::string& name_space,
                                 const std::string& id, const CgroupLayout& cgroups,
                                 const std::string& cgroups_path) {
  std::error_code error;
  if (!fs::exists(bundle, error)) return {};
  kill_shim(bundle);
  if (!cgroups_path.empty()) kill_cgroup(cgroups, cgroups_path);
  // Below the mount are the image's files: never walk into it.
  const std::string rootfs = bundle + "/rootfs";
  while (::umount2(rootfs.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) == 0) {
  }
  if (errno != EINVAL && errno != ENOENT) return fail(errno_error("umount " + rootfs, errno));
  const fs::path work = fs::read_symlink(bundle + "/work", error);
  if (!error && work.filename() == id) remove_tree(work);
  remove_tree(fs::path(kRuncRoot) / name_space / id);
  error = remove_tree(bundle);
  if (error) return fail(errno_error("remove " + bundle, error.value()));
  if (!cgroups_path.empty()) cgroups.remove(cgroups_path);
  return {};
}

bool start_was_cut_off(const std::string& name_space, const std::string& id) {
  std::error_code error;
  return fs::exists(fs::path(kRuncRoot) / name_space / id / "exec.fifo", error);
}

}  // namespace gantry::containerd
