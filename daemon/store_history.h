#pragma once

// Which runs of the past are too many. Store threads only.

#include <string>
#include <vector>

#include "daemon/sqlite.h"
#include "daemon/store.h"

namespace gantry::rows {

/// Uids of runs that are over, oldest end first, at most `most`: those older than max_age, and of the
/// rest those beyond max_workflows, or as many as `most` while the store is larger than max_size.
Result<std::vector<std::string>> surplus(Database& database, const HistoryLimits& limits, Time now,
                                         std::size_t most);

}  // namespace gantry::rows
