#pragma once

// The store's file: its schema, and how an older one is brought forward.

#include <string>

#include "base/error.h"
#include "daemon/sqlite.h"

namespace gantry {

inline constexpr std::int64_t kNewestSchema = 5;  ///< what this gantryd reads and writes

/// Brings a database of schema `from` (0: empty) forward to `to`, in one transaction.
Result<void> migrate(Database& database, std::int64_t from, std::int64_t to);

/// The schema of a database that is one of Gantry's, 0 of one that is empty. DataLoss or
/// FailedPrecondition with the path and what to do, when it is damaged, foreign or too new.
Result<std::int64_t> identify(Database& database, const std::string& path);

/// Reading the whole file would keep a start waiting for seconds.
bool is_large(Database& database);
/// Reads every page; DataLoss with what is wrong.
Result<void> check_database_pages(Database& database);

/// Opens or creates the database at `path` (mode 0600, Secrets are in it), sets WAL and
/// synchronous=FULL, checks it (a large one only as far as it is read), and migrates an older schema in one transaction. A file that is
/// damaged, is not ours, or has a newer schema is left as it is: DataLoss or FailedPrecondition,
/// with the path and what to do. `vfs`: as Store::Options has it.
Result<Database> open_database(const std::string& path, const std::string& vfs = "");

/// Opens again what was open, after an error of the disk. Everything that was committed is synced by
/// it once more, so that it stands on no sync that failed.
Result<Database> reopen_database(const std::string& path, const std::string& vfs);

}  // namespace gantry
