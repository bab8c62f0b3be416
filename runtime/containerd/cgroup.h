#pragma once

// Reading and clearing the cgroups of steps: version 1, hybrid, and version 2. The OCI runtime
// makes a container's cgroup (cgroupfs driver) and removes it; what is above it (`/gantry/<run>`)
// is ours to remove.

#include <string>
#include <string_view>
#include <vector>

namespace gantry::containerd {

class CgroupLayout {
 public:
  /// From the text of /proc/self/mountinfo.
  static CgroupLayout parse(std::string_view mountinfo);
  /// Of this host. Blocks.
  static CgroupLayout detect();

  /// Only the unified hierarchy is mounted.
  [[nodiscard]] bool unified_only() const { return memory_v1_.empty() && !unified_.empty(); }
  /// Whether memory and swap can be limited together. Blocks.
  [[nodiscard]] bool swap_accounting() const;
  /// How often the kernel killed something in the cgroup at `path` (absolute, as in cgroupsPath)
  /// because its memory ran out; 0 if there is no such cgroup. Blocks.
  [[nodiscard]] long oom_kills(const std::string& path) const;
  /// Removes the cgroup at `path`, and whatever empty ones are left below it, from every hierarchy.
  /// Blocks.
  void remove(const std::string& path) const;

  /// The names of the cgroups right below `path`. Blocks.
  [[nodiscard]] std::vector<std::string> children(const std::string& path) const;

  /// Where the hierarchies are mounted.
  [[nodiscard]] const std::vector<std::string>& mounts() const { return mounts_; }
  /// Where the memory controller's files are, and whether they are version 1's.
  [[nodiscard]] const std::string& memory_mount() const {
    return memory_v1_.empty() ? unified_ : memory_v1_;
  }

 private:
  std::vector<std::string> mounts_;
  std::string memory_v1_;
  std::string unified_;
};

/// The number behind `key` in a file of "key value" lines; 0 if it is not there.
long counter(std::string_view text, std::string_view key);

}  // namespace gantry::containerd
