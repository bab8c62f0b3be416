#include "daemon/artifacts/files.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>

namespace gantry::artifacts {

bool is_plain_path(std::string_view path) {
  if (path.empty() || path.find('\0') != std::string_view::npos) return false;
  for (;;) {
    const auto slash = path.find('/');
    const std::string_view part = path.substr(0, slash);
    if (part.empty() || part == "." || part == "..") return false;
    if (slash == std::string_view::npos) return true;
    path.remove_prefix(slash + 1);
  }
}

Result<UniqueFd> open_beneath(int directory, const std::string& path, int flags, unsigned mode,
                              bool follow_links) {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags) | O_CLOEXEC;
  how.mode = mode;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  if (!follow_links) how.resolve |= RESOLVE_NO_SYMLINKS;
  const char* name = path.empty() ? "." : path.c_str();
  // EAGAIN: something was renamed while ".." was resolved; the kernel asks to try again.
  for (int attempt = 0; attempt < 16; ++attempt) {
    const long fd = ::syscall(SYS_openat2, directory, name, &how, sizeof(how));
    if (fd >= 0) return UniqueFd(static_cast<int>(fd));
    if (errno != EAGAIN && errno != EINTR) break;
  }
  return fail(errno_error("open " + path, errno));
}

Result<UniqueFd> reopen(int fd, int flags) {
  const std::string link = "/proc/self/fd/" + std::to_string(fd);
  UniqueFd opened(::open(link.c_str(), flags | O_CLOEXEC));
  if (!opened.valid()) return fail(errno_error("open", errno));
  return opened;
}

Result<void> copy_content(int from, int to) {
  if (::ioctl(to, FICLONE, from) == 0) return {};
  for (;;) {
    const ssize_t copied = ::copy_file_range(from, nullptr, to, nullptr, std::size_t{1} << 30, 0);
    if (copied == 0) return {};
    if (copied > 0 || errno == EINTR) continue;
    if (errno != EXDEV && errno != EINVAL && errno != ENOSYS && errno != EOPNOTSUPP) {
      return fail(errno_error("copy", errno));
    }
    break;
  }
  constexpr std::size_t kChunk = 256 << 10;
  const auto buffer = std::make_unique<char[]>(kChunk);
  for (;;) {
    const ssize_t got = ::read(from, buffer.get(), kChunk);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(errno_error("read", errno));
    if (got == 0) return {};
    auto put = write_all(to, {buffer.get(), static_cast<std::size_t>(got)});
    if (!put) return put;
  }
}

Result<void> make_directories(const std::string& path) {
  for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
    const std::string part = path.substr(0, end);
    if (::mkdir(part.c_str(), 0700) != 0 && errno != EEXIST) {
      return fail(errno_error("mkdir " + part, errno));
    }
    if (end == std::string::npos) return {};
  }
}

Result<void> remove_tree(const std::string& path) {
  std::error_code error;
  std::filesystem::remove_all(path, error);
  if (error) return fail(errno_error("remove " + path, error.value()));
  return {};
}

Result<void> rename_path(const std::string& from, const std::string& to) {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) != 0) {
    return fail(errno_error("rename to " + to, errno));
  }
  return {};
}

Result<ScratchDirectory> ScratchDirectory::create(const std::string& parent) {
  std::string path = parent + "/XXXXXX";
  if (::mkdtemp(path.data()) == nullptr) return fail(errno_error("mkdir below " + parent, errno));
  return ScratchDirectory(std::move(path));
}

ScratchDirectory::~ScratchDirectory() {
  if (!path_.empty()) (void)remove_tree(path_);
}

}  // namespace gantry::artifacts
