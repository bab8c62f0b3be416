#include "runtime/containerd/outputs.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "runtime/containerd/rooted.h"

namespace gantry::containerd {
namespace {

// Go's findExecutable: what is a file with an x bit, and the error if it is not.
std::string probe(const ContainerFiles& files, const std::string& path) {
  const auto file = files.open(path, O_PATH);
  struct stat info {};
  if (!file) {
    if (file.error().code == Code::NotFound) return "stat " + path + ": no such file or directory";
    return file.error().code == Code::PermissionDenied ? "permission denied" : file.error().message;
  }
  if (::fstat(file->get(), &info) != 0) return "stat " + path + ": no such file or directory";
  if (S_ISDIR(info.st_mode)) return "is a directory";
  return (info.st_mode & 0111) != 0 ? "" : "permission denied";
}

bool is_written(int fd) {
  // A read lease is granted only while nobody has the file open for writing (fcntl(2)).
  if (::fcntl(fd, F_SETLEASE, F_RDLCK) == 0) {
    ::fcntl(fd, F_SETLEASE, F_UNLCK);
    return true;
  }
  return false;
}

}  // namespace

bool lies_below(const std::string& path, const std::string& prefix) {
  return path.starts_with(prefix) &&
         (path.size() == prefix.size() || prefix.ends_with('/') || path[prefix.size()] == '/');
}

const BindMount* ContainerFiles::mount_of(const std::string& path) const {
  const BindMount* best = nullptr;
  for (const BindMount& mount : mounts_) {
    if (!lies_below(path, mount.destination)) continue;
    if (best == nullptr || mount.destination.size() > best->destination.size()) best = &mount;
  }
  return best;
}

Result<UniqueFd> ContainerFiles::open(const std::string& path, int flags) const {
  if (!path.starts_with('/')) {
    return fail(Code::InvalidArgument, "path \"" + path + "\" must be absolute");
  }
  const BindMount* best = mount_of(path);
  std::string rest = path;
  if (best != nullptr) {
    rest = path.substr(best->destination.size());
    struct stat info {};
    if (rest.empty() && ::stat(best->source.c_str(), &info) == 0 && !S_ISDIR(info.st_mode)) {
      // A single file is mounted here, and the container cannot replace it.
      UniqueFd fd(::open(best->source.c_str(), flags | O_CLOEXEC));
      if (!fd.valid()) return fail(errno_error("open " + path, errno));
      return fd;
    }
  }
  auto root = open_root(best != nullptr ? best->source : rootfs_);
  if (!root) return fail(root.error());
  return open_in(root->get(), rest, flags);
}

Result<std::string> ContainerFiles::read(const std::string& path) const {
  // O_NONBLOCK: a named pipe must not hold us up.
  auto file = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  if (!file) return fail(file.error());
  auto content = read_regular(file->get(), kMaxOutputBytes);
  if (!content) return fail(std::move(content.error()).wrap(path));
  return content;
}

std::string why_not_runnable(const ContainerFiles& files, const std::string& program,
                             std::string_view path_variable, const std::string& working_dir) {
  const std::string prefix = "failed to find name in PATH: exec: \"" + program + "\": ";
  const std::string base = working_dir.empty() ? "/" : working_dir;
  if (program.find('/') != std::string::npos) {
    const std::string path = program.starts_with('/') ? program : base + "/" + program;
    const std::string problem = probe(files, path);
    return problem.empty() ? problem : prefix + problem;
  }
  while (!path_variable.empty()) {
    const auto colon = path_variable.find(':');
    std::string directory(path_variable.substr(0, colon));
    path_variable =
        colon == std::string_view::npos ? std::string_view{} : path_variable.substr(colon + 1);
    if (!directory.starts_with('/')) directory = base + "/" + directory;
    if (probe(files, directory + "/" + program).empty()) return {};
  }
  return prefix + "executable file not found in $PATH";
}

void wait_until_written(const std::string& path, Duration limit) {
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid() || is_written(file.get())) return;
  // A file system without leases answers EINVAL; then only the time limit ends the wait for a close
  // that was missed.
  if (errno != EAGAIN) limit = std::min(limit, Duration(50));
  const UniqueFd watch(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!watch.valid() || ::inotify_add_watch(watch.get(), path.c_str(), IN_CLOSE_WRITE) < 0) return;
  const auto end = std::chrono::steady_clock::now() + limit;
  // It may have been closed before the watch was there, so look before each wait.
  while (!is_written(file.get())) {
    const auto left = std::chrono::ceil<Duration>(end - std::chrono::steady_clock::now());
    if (left.count() <= 0) return;
    pollfd wait{watch.get(), POLLIN, 0};
    if (::poll(&wait, 1, static_cast<int>(left.count())) > 0) {
      char events[4096];
      while (::read(watch.get(), events, sizeof(events)) > 0) {
      }
    }
  }
}

std::string read_tail(const std::string& path, std::size_t limit) {
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat info {};
  if (!file.valid() || ::fstat(file.get(), &info) != 0) return {};
  const auto size = static_cast<std::size_t>(info.st_size);
  const std::size_t wanted = std::min(size, limit);
  std::string tail(wanted, '\0');
  std::size_t used = 0;
  while (used < wanted) {
    const ssize_t got = ::pread(file.get(), tail.data() + used, wanted - used,
                                static_cast<off_t>(size - wanted + used));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    used += static_cast<std::size_t>(got);
  }
  tail.resize(used);
  return tail;
}

}  // namespace gantry::containerd
