#include "api/listen.h"

#include <fcntl.h>
#include <grp.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <vector>

namespace gantry::api {
namespace {

constexpr std::size_t kMaxPath = sizeof(sockaddr_un::sun_path) - 1;  // 107 and the end
constexpr int kBacklog = 1024;

tl::unexpected<Error> taken(const std::string& path) {
  return fail(Code::AlreadyExists, "another gantryd is serving " + path);
}

/// Makes sure that nothing is at `path`: a socket that nobody answers is removed, anything else is
/// an error.
Result<void> clear_path(const std::string& path, const sockaddr_un& address) {
  struct stat info {};
  if (lstat(path.c_str(), &info) != 0) {
    if (errno == ENOENT) return {};
    return fail(errno_error(path, errno));
  }
  if (!S_ISSOCK(info.st_mode)) {
    return fail(Code::AlreadyExists,
                path + " exists and is not a socket; remove it or choose another path");
  }
  UniqueFd probe(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!probe.valid()) return fail(errno_error("socket", errno));
  // EAGAIN: it listens, and its backlog is full.
  if (connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ||
      errno == EAGAIN) {
    return taken(path);
  }
  if (errno != ECONNREFUSED) return fail(errno_error("connect to " + path, errno));
  if (unlink(path.c_str()) != 0 && errno != ENOENT)
    return fail(errno_error("remove " + path, errno));
  return {};
}

Result<gid_t> group_id(const std::string& name) {
  std::vector<char> buffer(16384);
  group entry{}, *found = nullptr;
  getgrnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
  if (found == nullptr) return fail(Code::InvalidArgument, "no group is called \"" + name + "\"");
  return found->gr_gid;
}

}  // namespace

Result<Listener> Listener::bind(const std::string& path, mode_t mode, const std::string& group) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty()) return fail(Code::InvalidArgument, "the path of the socket is empty");
  if (path.size() > kMaxPath) {
    return fail(Code::InvalidArgument, "the path of the socket is too long: " + path + " has " +
                                           std::to_string(path.size()) + " bytes, the limit is " +
                                           std::to_string(kMaxPath));
  }
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  auto gid = group.empty() ? Result<gid_t>(static_cast<gid_t>(-1)) : group_id(group);
  if (!gid) return tl::unexpected<Error>(std::move(gid.error()));

  std::string lock_path = path + ".lock";
  UniqueFd lock(::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!lock.valid()) return fail(errno_error("open " + lock_path, errno));
  if (flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    return errno == EWOULDBLOCK ? taken(path) : fail(errno_error("lock " + lock_path, errno));
  }
  if (auto ok = clear_path(path, address); !ok) return tl::unexpected<Error>(std::move(ok.error()));

  UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid()) return fail(errno_error("socket", errno));
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return fail(errno_error("bind " + path, errno));
  }
  Listener listener(std::move(fd), std::move(lock), path);  // from here on the file goes with it
  if (!group.empty() && chown(path.c_str(), static_cast<uid_t>(-1), *gid) != 0) {
    return fail(errno_error("give " + path + " to group " + group, errno));
  }
  if (chmod(path.c_str(), mode) != 0) return fail(errno_error("chmod " + path, errno));
  if (listen(listener.fd(), kBacklog) != 0) return fail(errno_error("listen on " + path, errno));
  return listener;
}

Result<Listener> Listener::inherit(UniqueFd fd) {
  auto option = [&](int name) -> std::optional<int> {
    int value = 0;
    socklen_t size = sizeof value;
    if (getsockopt(fd.get(), SOL_SOCKET, name, &value, &size) != 0) return std::nullopt;
    return value;
  };
  if (option(SO_DOMAIN) != AF_UNIX || option(SO_TYPE) != SOCK_STREAM ||
      option(SO_ACCEPTCONN) != 1) {
    return fail(Code::InvalidArgument, "inherited descriptor " + std::to_string(fd.get()) +
                                           " is not a listening Unix stream socket");
  }
  fcntl(fd.get(), F_SETFL, fcntl(fd.get(), F_GETFL) | O_NONBLOCK);
  fcntl(fd.get(), F_SETFD, FD_CLOEXEC);
  return Listener(std::move(fd), UniqueFd(), "");
}

Listener::Listener(Listener&& other) noexcept
    : fd_(std::move(other.fd_)),
      lock_(std::move(other.lock_)),
      path_(std::exchange(other.path_, {})) {}

Listener::~Listener() {
  if (!path_.empty()) unlink(path_.c_str());
}

}  // namespace gantry::api
