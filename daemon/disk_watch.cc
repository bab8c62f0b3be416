#include "daemon/disk_watch.h"

#include <sys/statvfs.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace gantry {

constexpr Duration kEvery = std::chrono::seconds(5);

static std::string mebibytes(std::int64_t bytes) { return std::to_string(bytes >> 20) + " MiB"; }

std::optional<std::string> look_at_disk(const std::string& directory, const DiskReserve& reserve) {
  struct statvfs disk {};
  if (::statvfs(directory.c_str(), &disk) != 0) {
    return "the file system of " + directory + " does not answer: " + std::strerror(errno);
  }
  if ((disk.f_flag & ST_RDONLY) != 0) return "the file system of " + directory + " is read-only";
  // What the daemon itself may use: root's blocks only if it is root, which f_bfree would count; the
  // smaller figure leaves room in any case.
  const auto bytes = static_cast<std::int64_t>(disk.f_bavail * disk.f_frsize);
  if (bytes < reserve.bytes) {
    return "the file system of " + directory + " has " + mebibytes(bytes) + " free, less than disk.reserve_bytes (" +
           mebibytes(reserve.bytes) + ")";
  }
  // Some file systems (btrfs) have no fixed number of inodes and say 0 of 0.
  const auto inodes = static_cast<std::int64_t>(disk.f_favail);
  if (disk.f_files != 0 && inodes < reserve.inodes) {
    return "the file system of " + directory + " has " + std::to_string(inodes) +
           " inodes free, less than disk.reserve_inodes (" + std::to_string(reserve.inodes) + ")";
  }
  return std::nullopt;
}

struct DiskWatch::State {
  std::string directory;
  DiskReserve reserve;
  Executor& executor;
  std::function<void(std::optional<std::string>)> tell;
};

DiskWatch::DiskWatch(std::string directory, DiskReserve reserve, Executor& executor,
                     std::function<void(std::optional<std::string>)> tell)
    : state_(std::make_shared<State>(State{std::move(directory), reserve, executor, std::move(tell)})) {
  look(state_);
}

DiskWatch::~DiskWatch() = default;

void DiskWatch::look(const std::shared_ptr<State>& state) {
  auto found = std::make_shared<std::optional<std::string>>();
  state->executor.offload(
      [found, directory = state->directory, reserve = state->reserve] { *found = look_at_disk(directory, reserve); },
      [found, weak = std::weak_ptr(state)] {
        auto alive = weak.lock();
        if (!alive) return;
        alive->tell(std::move(*found));
        alive->executor.after(kEvery, [weak] {
          if (auto still = weak.lock()) look(still);
        });
      });
}

}  // namespace gantry
