#include "runtime/containerd/tree_copy.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <memory>
#include <vector>

#include "base/unique_fd.h"

namespace gantry::containerd {
namespace {

/// Each level holds two descriptors.
constexpr int kMaxDepth = 256;

Result<std::vector<std::string>> names_in(int directory) {
  // fdopendir takes its descriptor over, and an offset is shared with what it was duplicated from.
  UniqueFd fd(::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) return fail(errno_error("open directory", errno));
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(fd.get()), ::closedir);
  if (!stream) return fail(errno_error("read directory", errno));
  fd.release();
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = ::readdir(stream.get())) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
  }
  if (errno != 0) return fail(errno_error("read directory", errno));
  return names;
}

bool copied_by_kernel(int source, int target, off_t size) {
  off_t done = 0;
  while (done < size) {
    const ssize_t count = ::copy_file_range(source, nullptr, target, nullptr,
                                            static_cast<std::size_t>(size - done), 0);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    done += count;
  }
  return true;
}

Result<void> copy_content(int source, int target, off_t size) {
  if (::ioctl(target, FICLONE, source) == 0) return {};
  // Files that say nothing of their size (of /proc), and file systems that cannot, are read to
  // their end.
  if (size > 0 && copied_by_kernel(source, target, size)) return {};
  std::vector<char> buffer(1 << 17);
  for (;;) {
    const ssize_t got = ::read(source, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(errno_error("read", errno));
    if (got == 0) return {};
    for (ssize_t done = 0; done < got;) {
      const ssize_t written =
          ::write(target, buffer.data() + done, static_cast<std::size_t>(got - done));
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return fail(errno_error("write", errno));
      done += written;
    }
  }
}

/// The mode last: a change of the owner takes the set-id bits away.
Result<void> copy_attributes(int target, const struct stat& info) {
  const timespec times[2] = {info.st_atim, info.st_mtim};
  if (::fchown(target, info.st_uid, info.st_gid) != 0 ||
      ::fchmod(target, info.st_mode & 07777) != 0 || ::futimens(target, times) != 0) {
    return fail(errno_error("set attributes", errno));
  }
  return {};
}

Result<void> copy_new(int source, int target, const std::string& to, const struct stat& info) {
  const UniqueFd out(
      ::openat(target, to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!out.valid()) return fail(errno_error("create", errno));
  if (auto copied = copy_content(source, out.get(), info.st_size); !copied) return copied;
  return copy_attributes(out.get(), info);
}

Result<void> copy_file(int source, const std::string& from, int target, const std::string& to,
                       const struct stat& info, CopyMode mode) {
  if (mode == CopyMode::Link && ::linkat(source, from.c_str(), target, to.c_str(), 0) == 0)
    return {};
  const UniqueFd in(::openat(source, from.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!in.valid()) return fail(errno_error("open", errno));
  return copy_new(in.get(), target, to, info);
}

Result<void> copy_link(int source, const std::string& from, int target, const std::string& to,
                       const struct stat& info) {
  char text[PATH_MAX];
  const ssize_t length = ::readlinkat(source, from.c_str(), text, sizeof(text));
  if (length < 0) return fail(errno_error("read link", errno));
  const std::string leads(text, static_cast<std::size_t>(length));
  const timespec times[2] = {info.st_atim, info.st_mtim};
  if (::symlinkat(leads.c_str(), target, to.c_str()) != 0 ||
      ::fchownat(target, to.c_str(), info.st_uid, info.st_gid, AT_SYMLINK_NOFOLLOW) != 0 ||
      ::utimensat(target, to.c_str(), times, AT_SYMLINK_NOFOLLOW) != 0) {
    return fail(errno_error("make link", errno));
  }
  return {};
}

Result<void> copy_one(int source, const std::string& from, int target, const std::string& to,
                      CopyMode mode, int depth) {
  const auto named = [&](const Error& error) { return fail(error.wrap(from)); };
  if (depth > kMaxDepth)
    return fail(Code::ResourceExhausted, from + ": directories are nested too deep");
  struct stat info {};
  if (::fstatat(source, from.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
    return fail(errno_error("open " + from, errno));
  }
  if (S_ISREG(info.st_mode)) {
    auto copied = copy_file(source, from, target, to, info, mode);
    return copied ? copied : named(copied.error());
  }
  if (S_ISLNK(info.st_mode)) {
    auto copied = copy_link(source, from, target, to, info);
    return copied ? copied : named(copied.error());
  }
  if (!S_ISDIR(info.st_mode)) return {};
  const UniqueFd in(
      ::openat(source, from.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!in.valid()) return named(errno_error("open", errno));
  if (::mkdirat(target, to.c_str(), 0700) != 0 && errno != EEXIST)
    return named(errno_error("mkdir", errno));
  const UniqueFd out(::openat(target, to.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!out.valid()) return named(errno_error("open copy", errno));
  auto names = names_in(in.get());
  if (!names) return named(names.error());
  for (const std::string& name : *names) {
    auto copied = copy_one(in.get(), name, out.get(), name, mode, depth + 1);
    if (!copied) return named(copied.error());
  }
  auto copied = copy_attributes(out.get(), info);
  return copied ? copied : named(copied.error());
}

}  // namespace

Result<void> copy_tree(int source, const std::string& from, int target, const std::string& to,
                       CopyMode mode) {
  return copy_one(source, from, target, to, mode, 0);
}

Result<void> copy_opened(int source, int target, const std::string& to, CopyMode mode) {
  struct stat info {};
  if (::fstat(source, &info) != 0) return fail(errno_error("stat", errno));
  if (S_ISDIR(info.st_mode)) return copy_one(source, ".", target, to, mode, 0);
  if (!S_ISREG(info.st_mode))
    return fail(Code::FailedPrecondition, "is neither a file nor a directory");
  const std::string itself = "/proc/self/fd/" + std::to_string(source);
  if (mode == CopyMode::Link &&
      ::linkat(AT_FDCWD, itself.c_str(), target, to.c_str(), AT_SYMLINK_FOLLOW) == 0) {
    return {};
  }
  const UniqueFd in(::open(itself.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  if (!in.valid()) return fail(errno_error("open", errno));
  return copy_new(in.get(), target, to, info);
}

Result<void> change_mode(int directory, const std::string& name, unsigned mode, bool recurse) {
  const UniqueFd fd(
      ::openat(directory, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  // A symbolic link, and what cannot be opened (a socket), has no mode that matters.
  if (!fd.valid() && (errno == ELOOP || errno == ENXIO)) return {};
  if (!fd.valid()) return fail(errno_error("open " + name, errno));
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0 || ::fchmod(fd.get(), mode & 07777) != 0) {
    return fail(errno_error("chmod " + name, errno));
  }
  if (!recurse || !S_ISDIR(info.st_mode)) return {};
  auto names = names_in(fd.get());
  if (!names) return fail(names.error());
  for (const std::string& entry : *names) {
    if (auto changed = change_mode(fd.get(), entry, mode, true); !changed) return changed;
  }
  return {};
}

}  // namespace gantry::containerd
