#include "runtime/containerd/rooted.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>

#include "base/io.h"

namespace gantry::containerd {

Result<UniqueFd> open_root(const std::string& directory) {
  UniqueFd fd(::open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) return fail(errno_error("open " + directory, errno));
  return fd;
}

Result<UniqueFd> open_in(int root, const std::string& path, int flags, unsigned mode) {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags) | O_CLOEXEC;
  how.mode = mode;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  // An empty path means the root itself.
  const char* name = path.empty() ? "." : path.c_str();
  // EAGAIN: something was renamed while ".." was resolved; the kernel asks to try again.
  for (int attempt = 0; attempt < 16; ++attempt) {
    const long fd = ::syscall(SYS_openat2, root, name, &how, sizeof(how));
    if (fd >= 0) return UniqueFd(static_cast<int>(fd));
    if (errno != EAGAIN && errno != EINTR) break;
  }
  return fail(errno_error("open " + path, errno));
}

Result<std::string> read_regular(int fd, std::size_t limit) {
  struct stat info {};
  if (::fstat(fd, &info) != 0) return fail(errno_error("stat", errno));
  if (!S_ISREG(info.st_mode)) {
    return fail(Code::FailedPrecondition,
                S_ISDIR(info.st_mode) ? "is a directory" : "is not a regular file");
  }
  return read_all(fd, limit);
}

Result<UniqueFd> make_directories_in(int root, const std::string& path, unsigned mode) {
  std::string done;
  auto directory = open_in(root, "", O_PATH | O_DIRECTORY);
  if (!directory) return directory;
  std::string_view rest = path;
  while (!rest.empty()) {
    const auto slash = rest.find('/');
    const std::string_view part = rest.substr(0, slash);
    rest = slash == std::string_view::npos ? std::string_view{} : rest.substr(slash + 1);
    if (part.empty() || part == ".") continue;
    if (part == "..") return fail(Code::InvalidArgument, "path contains '..': " + path);
    const std::string name(part);
    // mkdirat does not follow a link that is the last part, and the part before is open: nothing
    // leads out.
    if (::mkdirat(directory->get(), name.c_str(), mode) == 0) {
      if (::fchmodat(directory->get(), name.c_str(), mode, 0) != 0) {
        return fail(errno_error("chmod " + path, errno));
      }
    } else if (errno != EEXIST) {
      return fail(errno_error("mkdir " + path, errno));
    }
    done += "/" + name;
    directory = open_in(root, done, O_PATH | O_DIRECTORY);
    if (!directory) return directory;
  }
  return directory;
}

}  // namespace gantry::containerd
