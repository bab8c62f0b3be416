#pragma once

// The write-ahead log that an earlier connection has left.
//
// A sync that fails may drop what it was to write, and no later sync writes it; yet reading shows it, because the page cache
// has it ("fsyncgate"). To SQLite such frames are as good as any: it would move them to the database, of which a power failure
// in between leaves a part, with nothing on the disk to repair it from. So before a database is opened after an error, or after
// a process that may have met one, its log is written over itself, which makes it the kernel's to write once more.

#include <string>

#include "base/error.h"

namespace gantry {

/// Writes the log beside the database `path` over itself and syncs it. Nothing where there is none, or on a file system that
/// is read-only. Nobody may be writing to the database; readers see no difference. `vfs`: as Store::Options has it. Blocks.
Result<void> rewrite_log(const std::string& path, const std::string& vfs);

}  // namespace gantry
