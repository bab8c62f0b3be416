#include "daemon/store_set_aside.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <ctime>
#include <filesystem>

#include "base/durable.h"

namespace gantry {
namespace {

std::string stamp(Time now) {
  const std::time_t seconds = std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  char text[32];
  std::strftime(text, sizeof text, "%Y%m%dT%H%M%SZ", &utc);
  return text;
}

}  // namespace

Result<std::string> set_aside_store(const std::string& path, Time now) {
  const std::string to = path + ".corrupt-" + stamp(now);
  // The database last: without it the others are not a store, and a start that was interrupted here
  // finds the damaged database again.
  // Any of them may be missing; that may be the damage.
  for (const char* suffix : {"-wal", "-shm", ""}) {
    if (::renameat2(AT_FDCWD, (path + suffix).c_str(), AT_FDCWD, (to + suffix).c_str(), RENAME_NOREPLACE) == 0) continue;
    if (errno != ENOENT) return fail(errno_error("set aside the store " + path + suffix, errno));
  }
  if (auto synced = sync_directory_of(path); !synced) return fail(std::move(synced.error()));
  return to;
}

Result<std::string> set_aside_directory(const std::string& path, Time now) {
  std::error_code error;
  const bool empty = std::filesystem::is_empty(path, error);
  if (error == std::errc::no_such_file_or_directory || (!error && empty)) return std::string();
  const std::string to = path + ".before-" + stamp(now);
  if (::renameat2(AT_FDCWD, path.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) != 0) {
    return fail(errno_error("set aside " + path, errno));
  }
  if (auto synced = sync_directory_of(path); !synced) return fail(std::move(synced.error()));
  return to;
}

}  // namespace gantry
