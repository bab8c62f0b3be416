#include "runtime/containerd/net_namespace.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <thread>

#include "base/unique_fd.h"

namespace gantry::containerd {
namespace {

constexpr long kNamespaceMagic = 0x6e736673;  // linux/magic.h NSFS_MAGIC

Result<void> loopback_up() {
  const UniqueFd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  std::strncpy(request.ifr_name, "lo", sizeof(request.ifr_name) - 1);
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  if (!fd.valid() || ::ioctl(fd.get(), SIOCSIFFLAGS, &request) != 0) {
    return fail(errno_error("bring up the loopback interface", errno));
  }
  return {};
}

std::string text_of(const sockaddr_in& address) {
  char text[INET_ADDRSTRLEN] = {};
  ::inet_ntop(AF_INET, &address.sin_addr, text, sizeof(text));
  return text;
}

}  // namespace

Result<void> make_net_namespace(const std::string& path) {
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444));
  if (!file.valid()) return fail(errno_error("create " + path, errno));
  Result<void> result;
  // unshare changes the thread for good, so it is a thread of its own.
  std::thread([&] {
    if (::unshare(CLONE_NEWNET) != 0) {
      result = fail(errno_error("make a network namespace", errno));
    } else if (auto up = loopback_up(); !up) {
      result = up;
    } else if (::mount("/proc/thread-self/ns/net", path.c_str(), nullptr, MS_BIND, nullptr) != 0) {
      result = fail(errno_error("mount a network namespace at " + path, errno));
    }
  }).join();
  if (!result) ::unlink(path.c_str());
  return result;
}

bool is_net_namespace(const std::string& path) {
  struct statfs info {};
  return ::statfs(path.c_str(), &info) == 0 && info.f_type == kNamespaceMagic;
}

Result<void> remove_net_namespace(const std::string& path) {
  while (::umount2(path.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) == 0) {
  }
  if (errno != EINVAL && errno != ENOENT) return fail(errno_error("umount " + path, errno));
  if (::unlink(path.c_str()) != 0 && errno != ENOENT)
    return fail(errno_error("remove " + path, errno));
  return {};
}

Result<void> in_net_namespace(const std::string& path, const std::function<void()>& work) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return fail(errno_error("open " + path, errno));
  Result<void> result;
  std::thread([&] {
    if (::setns(fd.get(), CLONE_NEWNET) != 0) {
      result = fail(errno_error("enter " + path, errno));
    } else {
      work();
    }
  }).join();
  return result;
}

std::string host_address() {
  // Connecting a datagram socket sends nothing; it only chooses the route.
  const UniqueFd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_in other{}, own{};
  other.sin_family = AF_INET;
  other.sin_port = htons(53);
  ::inet_pton(AF_INET, "198.51.100.1", &other.sin_addr);
  socklen_t size = sizeof(own);
  if (fd.valid() && ::connect(fd.get(), reinterpret_cast<sockaddr*>(&other), sizeof(other)) == 0 &&
      ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&own), &size) == 0) {
    return text_of(own);
  }
  std::string result;
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return result;
  for (const ifaddrs* one = list; one != nullptr && result.empty(); one = one->ifa_next) {
    if (one->ifa_addr == nullptr || one->ifa_addr->sa_family != AF_INET) continue;
    if ((one->ifa_flags & IFF_UP) == 0 || (one->ifa_flags & IFF_LOOPBACK) != 0) continue;
    result = text_of(*reinterpret_cast<const sockaddr_in*>(one->ifa_addr));
  }
  ::freeifaddrs(list);
  return result;
}

}  // namespace gantry::containerd
