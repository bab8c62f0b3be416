#pragma once

// The store's statements: structs to rows and back. Store thread only; no transaction of their own.

#include <optional>
#include <string>
#include <vector>

#include "api/backend.h"
#include "daemon/sqlite.h"
#include "daemon/store.h"

namespace gantry::rows {

Result<void> write(Database& database, const StoreBatch& batch);

Result<std::vector<StoredRun>> unfinished(Database& database);
Result<std::vector<StoredRun>> by_uid(Database& database, std::string_view uid);
Result<std::vector<StoredRun>> by_name(Database& database, std::string_view name_space,
                                       std::string_view name);
/// Nothing when it is not there (any more).
Result<std::optional<StoredRun>> by_id(Database& database, std::int64_t id, bool with_nodes);
/// Those of `uids` that no run has.
Result<std::vector<std::string>> missing(Database& database, const std::vector<std::string>& uids);
Result<std::vector<engine::Memo>> memos(Database& database);
/// In order of creation; as Store::load_summaries has it.
Result<std::vector<RunSummary>> summaries(Database& database, bool all);

Result<void> put_object(Database& database, api::ObjectKind kind, const api::Object& object,
                        bool replace);
Result<std::vector<api::Object>> objects(Database& database, api::ObjectKind kind);
Result<void> remove_object(Database& database, api::ObjectKind kind, std::string_view name_space,
                           std::string_view name);

}  // namespace gantry::rows
