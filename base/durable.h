#pragma once

// Files that are to be there after the power was cut. Any thread; everything blocks. An error says what the kernel said,
// and names the path.

#include <string>

#include "base/error.h"

namespace gantry {

/// fsync(2) of a file or a directory.
Result<void> sync_path(const std::string& path);
/// Of the directory that `path` is in, so that what was created, renamed or removed there stays so.
Result<void> sync_directory_of(const std::string& path);

}  // namespace gantry
