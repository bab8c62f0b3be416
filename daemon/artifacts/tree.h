#pragma once

// An artifact as a list of what is in it: one file, or a directory with everything below.
//
// Invariants: the first entry is the root and its path is empty; a directory stands before what is
// in it; no path occurs twice; every other path is plain (files.h). Only files, directories and
// symbolic links: as in Argo's tar, sockets, pipes and device nodes are not part of an artifact.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"
#include "daemon/artifacts/digest.h"
#include "daemon/artifacts/limits.h"

namespace gantry::artifacts {

enum class Kind : std::uint8_t { File, Directory, Link };

struct Entry {
  std::string path;  ///< below the root; empty: the root
  Kind kind = Kind::File;
  unsigned mode = 0;       ///< permission bits, 0 to 0777; 0777 for links
  std::int64_t mtime = 0;  ///< seconds since 1970, as tar keeps it
  std::uint64_t size = 0;  ///< bytes of a file
  std::string target;      ///< of a link, as it is
  Digest content;          ///< of a file, once it is stored
};

struct Tree {
  std::vector<Entry> entries;

  [[nodiscard]] bool is_directory() const { return entries.front().kind == Kind::Directory; }
  [[nodiscard]] std::uint64_t size() const;   ///< bytes of all files
  [[nodiscard]] std::uint64_t files() const;  ///< files and links
  /// The part at `path` as a tree of its own. NotFound. Links on the way are not followed.
  [[nodiscard]] Result<Tree> below(std::string_view path) const;
};

/// What a step left behind, open. `name` is the last part of its path in the container: archives
/// call it so. The descriptor may be O_PATH; whoever opens it has seen to it that no link led out
/// of the container.
struct Staged {
  UniqueFd fd;
  std::string name;

  /// `path` is trusted and links are followed.
  static Result<Staged> open(const std::string& path);
};

/// Lists what is staged, and how many special files were left out. A root that is neither file nor
/// directory is InvalidArgument, as in Argo (util/archive/archive.go).
struct Scan {
  Tree tree;
  std::uint64_t left_out = 0;
};
Result<Scan> scan(const Staged& staged, const Limits& limits);

/// Opens the content of one file of a tree.
using OpenContent = std::function<Result<UniqueFd>(const Entry&)>;
/// For a tree that scan() made; `staged` must outlive it.
OpenContent staged_content(const Staged& staged);

}  // namespace gantry::artifacts
