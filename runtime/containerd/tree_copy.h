#pragma once

// Copies files and directories between two places of the host, one of which a container may have
// written: no symbolic link is followed, and what is not a file, a directory or a link is left out.
// Any thread; blocks.

#include <string>

#include "base/error.h"

namespace gantry::containerd {

enum class CopyMode {
  /// A new file of its own: shares its blocks with the source where the file system can (FICLONE),
  /// otherwise the kernel
  /// copies.
  Copy,
  /// A hard link where the file system allows it, otherwise as Copy. Only for sources that nobody
  /// writes to any more.
  Link,
};

/// Copies `from` in the directory `source` to `to` in the directory `target`, with modes, owners,
/// times and symbolic links as they are. `to` must not exist, but a directory may: it is filled.
/// NotFound: no `from`; ResourceExhausted: nested more than 256 deep. What was copied before an
/// error stays.
Result<void> copy_tree(int source, const std::string& from, int target, const std::string& to,
                       CopyMode mode);

/// The same of what is open at `source` (O_PATH will do): a file or a directory.
Result<void> copy_opened(int source, int target, const std::string& to, CopyMode mode);

/// chmod of everything below `name` in `directory`, links apart: files get `mode`, directories too.
/// `name` itself is among them. Without `recurse` only `name`.
Result<void> change_mode(int directory, const std::string& name, unsigned mode, bool recurse);

}  // namespace gantry::containerd
