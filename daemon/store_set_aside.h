#pragma once

// A store that cannot be read is put out of the way, never overwritten.

#include <string>

#include "base/clock.h"
#include "base/error.h"

namespace gantry {

/// Renames the database at `path` with its -wal and -shm to `path.corrupt-<UTC time>…` and syncs the
/// directory; the new path of the database. Nothing that has such a name is replaced. Blocks.
Result<std::string> set_aside_store(const std::string& path, Time now);

/// The same for a directory whose owners were in that store: `path.before-<UTC time>`, or "" when there is
/// nothing in it. Blocks.
Result<std::string> set_aside_directory(const std::string& path, Time now);

}  // namespace gantry
