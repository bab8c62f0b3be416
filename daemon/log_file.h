#pragma once

// One log file of a container, read line by line while it may still grow. The files are what the
// container wrote, and nothing else: regular files that containerd's shim appends to.
//
// A descriptor is held only while it reads: a client may follow thousands of files.
//
// Blocks: a worker. Not thread-safe: one reader at a time.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/unique_fd.h"

namespace gantry {

/// Longer lines are cut into pieces of this many bytes.
inline constexpr std::size_t kLongestLine = 1 << 20;

class LogFile {
 public:
  explicit LogFile(std::string path) : path_(std::move(path)) {}

  /// Appends complete lines, without their newline, until about `budget` bytes were read or the end
  /// is reached. A file that is not there yet is empty. True when there is more to read now.
  Result<bool> read(std::size_t budget, std::vector<std::string>& lines);
  /// What was written after the last newline, when nothing more will come.
  void finish(std::vector<std::string>& lines);

  /// Places the reader in front of the last `lines` lines, and returns how many there are (at most
  /// `lines`). Before the first read.
  Result<std::size_t> seek_tail(std::size_t lines);
  /// When something was last written; nothing when there is no file.
  [[nodiscard]] std::optional<Time> last_written();

 private:
  [[nodiscard]] UniqueFd open() const;
  void take(const char* data, std::size_t size, std::vector<std::string>& lines);

  std::string path_;
  std::int64_t offset_ = 0;
  std::string partial_;
  bool cut_ = false;  ///< the last piece ended because it was full
};

}  // namespace gantry
