// Preloaded into gantryd (LD_PRELOAD) by the fault ring: ends it, as SIGKILL does, at the n-th place where something
// leaves it. The shipped daemon knows nothing of this.
//
//   GANTRY_CUT_POINTS   store: before each write to the store's files, before and after each sync of them
//                       containerd: before and after each message to containerd
//                       taking-up: after each write to the record of what is being taken up
//                       (words apart by a space)
//   GANTRY_CUT_AT       at which of them; 0: never
//   GANTRY_CUT_ARMED    a file; places are counted once it exists
//   GANTRY_CUT_COUNT    a file; gets how many there were
//   GANTRY_CUT_SYNCED   a directory; gets, at each sync, a copy of what is synced, and in NAME.pending "OFFSET LENGTH"
//                       of each write since: what a power failure keeps, and what it may keep
//
// Programs that the daemon starts are left alone.

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <string>

namespace {

struct Plan {
  bool active = false, store = false, containerd = false, taking_up = false;
  long at = 0;
  std::string armed, count, synced;

  Plan() {
    ::unsetenv("LD_PRELOAD");
    if (std::strcmp(program_invocation_short_name, "gantryd") != 0) return;
    const auto value = [](const char* name) {
      const char* text = std::getenv(name);
      return std::string(text != nullptr ? text : "");
    };
    const std::string points = value("GANTRY_CUT_POINTS");
    store = points.find("store") != std::string::npos;
    containerd = points.find("containerd") != std::string::npos;
    taking_up = points.find("taking-up") != std::string::npos;
    at = std::atol(value("GANTRY_CUT_AT").c_str());
    armed = value("GANTRY_CUT_ARMED");
    count = value("GANTRY_CUT_COUNT");
    synced = value("GANTRY_CUT_SYNCED");
    active = true;
  }
};

/// Made at the first call, which may come before our own constructors run.
Plan& plan() {
  static Plan made;
  return made;
}
[[gnu::constructor]] void make_plan() { plan(); }

template <class Function>
Function next(const char* name) {
  return reinterpret_cast<Function>(::dlsym(RTLD_NEXT, name));
}

void point() {
  static std::atomic<long> passed{0};
  if (!plan().armed.empty() && ::access(plan().armed.c_str(), F_OK) != 0) return;
  const long number = ++passed;
  if (!plan().count.empty()) {
    if (std::FILE* file = std::fopen(plan().count.c_str(), "w")) {
      std::fprintf(file, "%ld\n", number);
      std::fclose(file);
    }
  }
  if (number != plan().at) return;
  ::kill(::getpid(), SIGKILL);
  for (;;) ::pause();
}

/// The name of the file, "" if it is none that counts.
std::string name_of(int fd) {
  char link[64], path[4096];
  std::snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const auto length = ::readlink(link, path, sizeof path);
  if (length <= 0) return "";
  const std::string whole(path, static_cast<std::size_t>(length));
  return whole.substr(whole.rfind('/') + 1);
}

bool is_store(const std::string& name) { return name == "gantry.db" || name == "gantry.db-wal"; }

std::mutex copying;

void note_write(const std::string& name, off_t offset, std::size_t length) {
  if (plan().synced.empty()) return;
  std::lock_guard lock(copying);
  if (std::FILE* file = std::fopen((plan().synced + "/" + name + ".pending").c_str(), "a")) {
    std::fprintf(file, "%lld %zu\n", static_cast<long long>(offset), length);
    std::fclose(file);
  }
}

void keep_synced(const std::string& name, int fd) {
  if (plan().synced.empty()) return;
  std::lock_guard lock(copying);
  const std::string target = plan().synced + "/" + name;
  char link[64];
  std::snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const int from = ::open(link, O_RDONLY | O_CLOEXEC);
  const int to = ::open(target.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  while (::sendfile(to, from, nullptr, 1 << 20) > 0) {
  }
  ::close(from);
  ::close(to);
  ::unlink((target + ".pending").c_str());
}

template <class Write>
ssize_t store_write(const std::string& name, off_t offset, std::size_t length, Write write) {
  if (plan().store) point();
  note_write(name, offset, length);
  return write();
}

int sync_with(const char* function, int fd) {
  const auto real = next<int (*)(int)>(function);
  const std::string name = plan().active ? name_of(fd) : "";
  if (!is_store(name)) return real(fd);
  if (plan().store) point();
  const int result = real(fd);
  if (result == 0) keep_synced(name, fd);
  if (plan().store) point();
  return result;
}

bool is_containerd(int fd) {
  sockaddr_un address{};
  socklen_t length = sizeof address;
  if (::getpeername(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0) return false;
  return address.sun_family == AF_UNIX && std::strstr(address.sun_path, "containerd.sock") != nullptr;
}

ssize_t pwrite_with(const char* function, int fd, const void* data, std::size_t length, off_t offset) {
  const auto real = next<ssize_t (*)(int, const void*, std::size_t, off_t)>(function);
  const std::string name = plan().active ? name_of(fd) : "";
  if (!is_store(name)) return real(fd, data, length, offset);
  return store_write(name, offset, length, [&] { return real(fd, data, length, offset); });
}

}  // namespace

extern "C" {

ssize_t pwrite(int fd, const void* data, std::size_t length, off_t offset) {
  return pwrite_with("pwrite", fd, data, length, offset);
}
ssize_t pwrite64(int fd, const void* data, std::size_t length, off_t offset) {
  return pwrite_with("pwrite64", fd, data, length, offset);
}
int fsync(int fd) { return sync_with("fsync", fd); }
int fdatasync(int fd) { return sync_with("fdatasync", fd); }

ssize_t write(int fd, const void* data, std::size_t length) {
  static const auto real = next<ssize_t (*)(int, const void*, std::size_t)>("write");
  if (!plan().active || !plan().taking_up || name_of(fd) != "taking-up") return real(fd, data, length);
  const ssize_t written = real(fd, data, length);
  point();
  return written;
}

ssize_t sendmsg(int fd, const struct msghdr* message, int flags) {
  static const auto real = next<ssize_t (*)(int, const struct msghdr*, int)>("sendmsg");
  if (!plan().active || !plan().containerd || !is_containerd(fd)) return real(fd, message, flags);
  point();
  const ssize_t sent = real(fd, message, flags);
  point();
  return sent;
}

}  // extern "C"
