#pragma once

// What is read once a container has ended: output files, the end of its standard output, and
// whether its program was there at all. Any thread; everything here blocks, so a worker calls it.
// The container's root file system must still be mounted (the task is not yet deleted).

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/unique_fd.h"
#include "runtime/containerd/oci_spec.h"

namespace gantry::containerd {

/// The most that one output file may hold; above it, ResourceExhausted.
inline constexpr std::size_t kMaxOutputBytes = 1 << 20;
inline constexpr std::size_t kStdoutTailBytes = 256 << 10;

/// Whether `path` is `prefix` or lies below it; both absolute.
bool lies_below(const std::string& path, const std::string& prefix);

/// The files that a container sees, opened from outside: the longest mount path that `path` lies
/// below decides whether it is looked for in a volume or in the root file system. Nothing leads out
/// of either.
class ContainerFiles {
 public:
  ContainerFiles(std::string rootfs, std::vector<BindMount> mounts)
      : rootfs_(std::move(rootfs)), mounts_(std::move(mounts)) {}

  [[nodiscard]] Result<UniqueFd> open(const std::string& path, int flags) const;
  /// The mount that decides about `path`; null: the root file system.
  [[nodiscard]] const BindMount* mount_of(const std::string& path) const;
  [[nodiscard]] const std::vector<BindMount>& mounts() const { return mounts_; }
  [[nodiscard]] const std::string& root() const { return rootfs_; }
  /// The whole file; errors name the path.
  [[nodiscard]] Result<std::string> read(const std::string& path) const;

 private:
  std::string rootfs_;
  std::vector<BindMount> mounts_;
};

/// Whether and why `program` cannot be run, in the words of Argo's emissary and Go's exec.LookPath:
/// `failed to find name in PATH: exec: "x": executable file not found in $PATH`. Empty: it can.
std::string why_not_runnable(const ContainerFiles& files, const std::string& program,
                             std::string_view path_variable, const std::string& working_dir);

/// Waits until nobody has the file open for writing any more: the shim copies a container's output
/// on its own time, and may not be done when the exit is reported. At most `limit`.
void wait_until_written(const std::string& path, Duration limit);

/// The last `limit` bytes of a file; empty if there is none.
std::string read_tail(const std::string& path, std::size_t limit);

}  // namespace gantry::containerd
