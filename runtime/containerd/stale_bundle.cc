#include "runtime/containerd/stale_bundle.h"

#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <vector>

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

/// Calls `visit` with each process and its working directory.
void for_each_process(const std::function<void(pid_t, const std::string&)>& visit) {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator("/proc", ignored)) {
    const std::string name = entry.path().filename();
    pid_t pid = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (error != std::errc{} || end != name.data() + name.size()) continue;
    std::error_code unreadable;
    const fs::path directory = fs::read_symlink(entry.path() / "cwd", unreadable);
    if (!unreadable) visit(pid, directory.string());
  }
}

// A shim's working directory is its bundle.
void kill_shim(const std::string& bundle) {
  for_each_process([&](pid_t pid, const std::string& directory) {
    if (directory == bundle) ::kill(pid, SIGKILL);
  });
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

void kill_stray_shims(const std::string& socket, const std::string& name_space) {
  for_each_process([&](pid_t pid, const std::string& directory) {
    if (!directory.ends_with(" (deleted)")) return;
    std::ifstream file("/proc/" + std::to_string(pid) + "/cmdline");
    const std::string line{std::istreambuf_iterator<char>(file), {}};
    std::vector<std::string> words;
    for (std::size_t at = 0; at < line.size(); at = line.find('\0', at) + 1) words.emplace_back(line.c_str() + at);
    const auto has = [&](const std::string& flag, const std::string& value) {
      for (std::size_t i = 0; i + 1 < words.size(); ++i) {
        if (words[i] == flag && words[i + 1] == value) return true;
      }
      return false;
    };
    const bool shim = !words.empty() && words[0].find("containerd-shim-") != std::string::npos;
    if (shim && has("-address", socket) && has("-namespace", name_space)) ::kill(pid, SIGKILL);
  });
}

bool start_was_cut_off(const std::string& name_space, const std::string& id) {
  std::error_code error;
  return fs::exists(fs::path(kRuncRoot) / name_space / id / "exec.fifo", error);
}

}  // namespace gantry::containerd
