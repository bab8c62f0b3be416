#pragma once

// Files and directories as this room needs them: opened without being led away, written whole or
// not at all. Any thread; everything blocks on the file system.

#include <cstddef>
#include <string>
#include <string_view>

#include "base/durable.h"
#include "base/error.h"
#include "base/io.h"
#include "base/unique_fd.h"

namespace gantry::artifacts {

/// Whether `path` is a relative path that stays where it starts: not empty, no empty, "." or ".."
/// part, no NUL.
bool is_plain_path(std::string_view path);

/// Opens `path` below `directory` with open(2)'s `flags` (O_CLOEXEC is added). Neither a symbolic
/// link nor ".." leads out (openat2 with RESOLVE_BENEATH); with `follow_links` false no link is
/// followed at all. An empty path is `directory` itself.
Result<UniqueFd> open_beneath(int directory, const std::string& path, int flags, unsigned mode = 0,
                              bool follow_links = false);

/// A second, independent descriptor of an open file (an O_PATH one too), with its own offset.
Result<UniqueFd> reopen(int fd, int flags);

/// Copies the content of `from` to `to`, sharing blocks where the file system can.
Result<void> copy_content(int from, int to);

/// `mkdir -p` with mode 0700 for what is missing.
Result<void> make_directories(const std::string& path);
Result<void> remove_tree(const std::string& path);
/// AlreadyExists: there is something at `to`.
Result<void> rename_path(const std::string& from, const std::string& to);

/// A directory of mode 0700 that is removed, with everything in it, at the end of its life.
class ScratchDirectory {
 public:
  static Result<ScratchDirectory> create(const std::string& parent);
  ScratchDirectory(ScratchDirectory&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  ScratchDirectory& operator=(ScratchDirectory&&) = delete;
  ~ScratchDirectory();

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string file(std::string_view name) const {
    return path_ + "/" + std::string(name);
  }

 private:
  explicit ScratchDirectory(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

}  // namespace gantry::artifacts
