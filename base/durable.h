#pragma once

// Writing that is whole, and files that are to be there after the power was cut. Any thread; everything blocks. An error
// says what the kernel said, and names the path where there is one.

#include <string>
#include <string_view>

#include "base/error.h"

namespace gantry {

/// All of it, however often the kernel takes a part only.
Result<void> write_all(int fd, std::string_view data);

/// fsync(2) of a file or a directory.
Result<void> sync_path(const std::string& path);
/// Of the directory that `path` is in, so that what was created, renamed or removed there stays so.
Result<void> sync_directory_of(const std::string& path);

}  // namespace gantry
