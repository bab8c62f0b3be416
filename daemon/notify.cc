#include "daemon/notify.h"

#include <sys/stat.h>
#include <systemd/sd-daemon.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace gantry::notify {

void ready(const std::string& status) { sd_notify(0, ("READY=1\nSTATUS=" + status).c_str()); }
void status(const std::string& text) { sd_notify(0, ("STATUS=" + text).c_str()); }
void stopping() { sd_notify(0, "STOPPING=1\nSTATUS=Stopping; steps go on under containerd"); }
void alive() { sd_notify(0, "WATCHDOG=1"); }

std::optional<Duration> watchdog_interval() {
  std::uint64_t microseconds = 0;
  if (sd_watchdog_enabled(0, &microseconds) <= 0) return std::nullopt;
  return std::chrono::duration_cast<Duration>(std::chrono::microseconds(microseconds / 2));
}

Result<UniqueFd> inherited_socket() {
  int count = sd_listen_fds(1);
  if (count <= 0) return UniqueFd();
  if (count > 1) {
    return fail(Code::InvalidArgument, "systemd passed " + std::to_string(count) +
                                           " sockets; gantryd serves one (see gantry.socket)");
  }
  return UniqueFd(SD_LISTEN_FDS_START);
}

bool stderr_is_journal() {
  // systemd.exec(5): device and inode of the journal's stream.
  const char* stream = std::getenv("JOURNAL_STREAM");
  unsigned long long device = 0, inode = 0;
  if (stream == nullptr || std::sscanf(stream, "%llu:%llu", &device, &inode) != 2) return false;
  struct stat info {};
  return fstat(STDERR_FILENO, &info) == 0 && info.st_dev == device && info.st_ino == inode;
}

}  // namespace gantry::notify
