#pragma once

// What happened to a run, in the order in which it happened. Store threads only.
//
// Stored are the events that no node tells: who submitted, stopped or retried it, what recovery did,
// what a retry took back. When steps began and ended is in their nodes' rows already and is read from
// there, so that the history of a step costs nothing while it runs.

#include <string_view>
#include <vector>

#include "daemon/sqlite.h"
#include "daemon/store.h"

namespace gantry::rows {

/// An event of a run that is not there (any more) is no error.
Result<void> write_event(Database& database, const StoreBatch::EventRow& event);
/// Before a node is deleted or begins again: what it was becomes an event.
Result<void> keep_history_of(Database& database, const StoreBatch::NodeKey& key);
/// All of a run's events, oldest first; the run's own, its nodes', and the end.
Result<std::vector<RunEvent>> events(Database& database, std::string_view run_uid);

}  // namespace gantry::rows
