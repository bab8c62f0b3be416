#pragma once

// Opening files of a container without being led out of it: a path is resolved as if `root` were
// "/", so neither a symbolic link nor ".." nor a magic link (/proc/self/...) leaves it (openat2
// with RESOLVE_IN_ROOT and RESOLVE_NO_MAGICLINKS). Any thread; these functions block on the file
// system.

#include <cstddef>
#include <string>

#include "base/error.h"
#include "base/unique_fd.h"

namespace gantry::containerd {

/// Opens a directory of the host as a root. Follows links: the path is ours.
Result<UniqueFd> open_root(const std::string& directory);

/// Opens `path` below `root` with open(2)'s `flags` (O_CLOEXEC is added). NotFound: nothing there.
Result<UniqueFd> open_in(int root, const std::string& path, int flags, unsigned mode = 0);

/// The content of a regular file that is already open. ResourceExhausted: more than `limit` bytes;
/// FailedPrecondition: not a regular file.
Result<std::string> read_regular(int fd, std::size_t limit);

/// Creates the directories of `path` below `root` as far as they are missing, with `mode` whatever
/// the umask is, and opens the last one.
Result<UniqueFd> make_directories_in(int root, const std::string& path, unsigned mode);

}  // namespace gantry::containerd
