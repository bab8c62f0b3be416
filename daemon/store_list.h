#pragma once

// Pages of the list of runs, newest first, out of a million of them. Store threads only.
//
// A page is read from the one index that leaves the fewest runs over (by label, phase, name,
// namespace or creation); the other conditions are asked of each run that it gives. Where the
// conditions fit so few of many runs that this would take long, a page ends before it is full, as
// Kubernetes allows: its continue token says where the search goes on.

#include "daemon/sqlite.h"
#include "daemon/store.h"

namespace gantry::rows {

Result<Store::Page> list(Database& database, const api::ListQuery& query);

}  // namespace gantry::rows
