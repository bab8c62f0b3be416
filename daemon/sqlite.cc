#include "daemon/sqlite.h"

#include <utility>

namespace gantry {

/// What the disk was doing, in words.
static std::string_view operation_name(int extended) {
  switch (extended) {
    case SQLITE_IOERR_READ:
    case SQLITE_IOERR_SHORT_READ:
      return "reading";
    case SQLITE_IOERR_WRITE:
      return "writing";
    case SQLITE_IOERR_FSYNC:
    case SQLITE_IOERR_DIR_FSYNC:
      return "syncing";
    case SQLITE_IOERR_TRUNCATE:
      return "truncating";
    default:
      return "";
  }
}

static std::string message_of(sqlite3* db) {
  std::string message = sqlite3_errmsg(db);
  const std::string_view operation = operation_name(sqlite3_extended_errcode(db));
  if (!operation.empty()) message += " while " + std::string(operation);
  return message;
}

Error sqlite_error(sqlite3* db) {
  Code code = Code::Internal;
  switch (sqlite3_extended_errcode(db) & 0xff) {
    case SQLITE_INTERRUPT:
      code = Code::Cancelled;
      break;
    case SQLITE_FULL:
      code = Code::ResourceExhausted;
      break;
    case SQLITE_CONSTRAINT:
      code = Code::AlreadyExists;
      break;
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
      code = Code::DataLoss;
      break;
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_READONLY:
      code = Code::PermissionDenied;
      break;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      code = Code::Unavailable;
      break;
    default:
      break;
  }
  return {code, message_of(db)};
}

Statement::~Statement() {
  if (stmt_ == nullptr) return;
  if (!kept_) {
    sqlite3_finalize(stmt_);
    return;
  }
  sqlite3_reset(stmt_);
  sqlite3_clear_bindings(stmt_);
}

void Statement::bind(std::initializer_list<SqlValue> values) {
  int index = 0;
  for (const SqlValue& value : values) bind(++index, value);
}

void Statement::bind(int index, const SqlValue& value) {
  if (const auto* integer = std::get_if<std::int64_t>(&value)) {
    sqlite3_bind_int64(stmt_, index, *integer);
  } else if (const auto* text = std::get_if<std::string_view>(&value)) {
    // A null pointer would bind NULL, not the empty text.
    const char* data = text->data() == nullptr ? "" : text->data();
    sqlite3_bind_text64(stmt_, index, data, text->size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  } else {
    sqlite3_bind_null(stmt_, index);
  }
}

Result<bool> Statement::step() {
  switch (sqlite3_step(stmt_)) {
    case SQLITE_ROW:
      return true;
    case SQLITE_DONE:
      return false;
    default:
      return fail(sqlite_error(sqlite3_db_handle(stmt_)));
  }
}

std::int64_t Statement::integer(int column) const { return sqlite3_column_int64(stmt_, column); }

std::string Statement::text(int column) const {
  const void* data = sqlite3_column_blob(stmt_, column);
  int size = sqlite3_column_bytes(stmt_, column);
  return data == nullptr ? std::string() : std::string(static_cast<const char*>(data), size);
}

bool Statement::is_null(int column) const {
  return sqlite3_column_type(stmt_, column) == SQLITE_NULL;
}

Result<Database> Database::open(const std::string& path, const std::string& vfs) {
  return open_with(path, vfs, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
}

Result<Database> Database::open_to_read(const std::string& path) {
  return open_with(path, "", SQLITE_OPEN_READONLY);
}

Result<Database> Database::open_with(const std::string& path, const std::string& vfs, int flags) {
  Database database;
  sqlite3* db = nullptr;
  int status = sqlite3_open_v2(
      path.c_str(), &db, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
      vfs.empty() ? nullptr : vfs.c_str());
  database.db_.reset(db);
  if (status != SQLITE_OK) {
    if (db == nullptr) return fail(Code::ResourceExhausted, "out of memory");
    return fail(sqlite_error(db));
  }
  return database;
}

Result<Statement> Database::prepare(std::string_view sql) {
  StatementPtr& kept = statements_[std::string(sql)];
  if (!kept) {
    sqlite3_stmt* stmt = nullptr;
    if (sqlite3_prepare_v3(db_.get(), sql.data(), static_cast<int>(sql.size()),
                           SQLITE_PREPARE_PERSISTENT, &stmt, nullptr) != SQLITE_OK) {
      return fail(sqlite_error(db_.get()));
    }
    kept.reset(stmt);
  }
  return Statement(kept.get());
}

Result<Statement> Database::prepare_once(std::string_view sql) {
  sqlite3_stmt* stmt = nullptr;
  if (sqlite3_prepare_v2(db_.get(), sql.data(), static_cast<int>(sql.size()), &stmt, nullptr) !=
      SQLITE_OK) {
    return fail(sqlite_error(db_.get()));
  }
  return Statement(stmt, false);
}

Result<void> Database::run(std::string_view sql, std::initializer_list<SqlValue> values) {
  auto statement = prepare(sql);
  if (!statement) return fail(std::move(statement.error()));
  statement->bind(values);
  auto row = statement->step();
  if (!row) return fail(std::move(row.error()));
  return {};
}

Result<void> Database::script(const char* sql) {
  if (sqlite3_exec(db_.get(), sql, nullptr, nullptr, nullptr) != SQLITE_OK) {
    return fail(sqlite_error(db_.get()));
  }
  return {};
}

Result<std::int64_t> Database::query_integer(std::string_view sql) {
  auto statement = prepare(sql);
  if (!statement) return fail(std::move(statement.error()));
  auto row = statement->step();
  if (!row) return fail(std::move(row.error()));
  return *row ? statement->integer(0) : 0;
}

Result<std::string> Database::query_text(std::string_view sql) {
  auto statement = prepare(sql);
  if (!statement) return fail(std::move(statement.error()));
  auto row = statement->step();
  if (!row) return fail(std::move(row.error()));
  return *row ? statement->text(0) : std::string();
}

}  // namespace gantry
