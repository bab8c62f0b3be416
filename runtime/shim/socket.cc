#include "runtime/shim/socket.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>

namespace gantry::shim {
namespace {

constexpr int kBacklog = 128;
constexpr int kMostNeighbours = 8;
/// Where the stock shim has its own (containerd's defaults.DefaultStateDir).
constexpr char kDirectory[] = "/run/containerd/s";

Result<sockaddr_un> address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) {
    return fail(Code::InvalidArgument, "\"" + path + "\": unix socket path too long");
  }
  path.copy(address.sun_path, path.size());
  return address;
}

UniqueFd new_socket() { return UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)); }

/// FNV-1a: the name need only be short; that two containers get the same is noticed and harmless.
std::string name_for(const std::string& words) {
  std::uint64_t hash = 14695981039346656037u;
  for (const char c : words) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
  char text[32];
  std::snprintf(text, sizeof(text), "gantry-%016llx", static_cast<unsigned long long>(hash));
  return text;
}

}  // namespace

Result<UniqueFd> connect_to(const std::string& path) {
  const auto address = address_of(path.starts_with("unix://") ? path.substr(7) : path);
  if (!address) return fail(address.error());
  UniqueFd fd = new_socket();
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof(*address)) != 0) {
    return fail(errno_error("connect to " + path, errno));
  }
  return fd;
}

Result<UniqueFd> listen_at(const std::string& path) {
  const auto address = address_of(path);
  if (!address) return fail(address.error());
  UniqueFd fd = new_socket();
  const mode_t before = ::umask(0177);
  const int failed = ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof(*address));
  const int error = errno;
  ::umask(before);
  if (failed != 0 && error == EADDRINUSE) return fail(Code::AlreadyExists, path + " is in use");
  if (failed != 0) return fail(errno_error("bind " + path, error));
  if (::listen(fd.get(), kBacklog) != 0) return fail(errno_error("listen at " + path, errno));
  return fd;
}

Result<UniqueFd> listen_for(const std::string& words, std::string& path) {
  ::mkdir("/run/containerd", 0711);
  ::mkdir(kDirectory, 0711);
  const std::string first = std::string(kDirectory) + "/" + name_for(words);
  for (int neighbour = 0;; ++neighbour) {
    path = neighbour == 0 ? first : first + "-" + std::to_string(neighbour);
    auto listener = listen_at(path);
    if (listener || listener.error().code != Code::AlreadyExists || neighbour == kMostNeighbours) return listener;
    if (connect_to(path)) continue;
    // Of one that was killed.
    ::unlink(path.c_str());
    listener = listen_at(path);
    if (listener) return listener;
  }
}

Result<UniqueFd> receive_console(int listener) {
  const UniqueFd connection(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  char name[4096];
  iovec part{name, sizeof(name)};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  if (!connection.valid() || ::recvmsg(connection.get(), &message, MSG_CMSG_CLOEXEC) < 0) {
    return fail(Code::Unavailable, "failed to retrieve console master: " + std::string(std::strerror(errno)));
  }
  const cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (header == nullptr || header->cmsg_type != SCM_RIGHTS || header->cmsg_len < CMSG_LEN(sizeof(int))) {
    return fail(Code::Unavailable, "failed to retrieve console master: the runtime sent none");
  }
  int console = -1;
  std::memcpy(&console, CMSG_DATA(header), sizeof(console));
  return UniqueFd(console);
}

}  // namespace gantry::shim
