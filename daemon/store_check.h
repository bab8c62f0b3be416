#pragma once

// Whether a store is sound, and copies of it. Blocks for as long as reading the whole file takes; any
// thread with a connection of its own.

#include <string>

#include "base/unique_fd.h"
#include "daemon/sqlite.h"
#include "daemon/store.h"

namespace gantry::rows {

/// Reads everything: pages, indexes, references between tables, and every run as it would be taken up.
Result<StoreReport> check(Database& database);

/// A copy of all that is committed, whole and compact, in `path`, which must not be there yet: mode
/// 0600, synced. ResourceExhausted when less than `leave_free` bytes would be left on its disk. Nothing is
/// left behind when it fails.
Result<UniqueFd> copy_to(Database& database, const std::string& path, std::int64_t leave_free);

}  // namespace gantry::rows

namespace gantry {

/// The same for a file that no daemon needs to have open: a backup, a store that gantryd refuses.
/// NotFound, DataLoss or FailedPrecondition when it is no store that can be read at all.
Result<StoreReport> check_store_file(const std::string& path);

}  // namespace gantry
