#pragma once

// SQLite with errors as values. One thread: the store's.

#include <sqlite3.h>

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>

#include "base/error.h"

namespace gantry {

/// What can be bound to a `?`; nothing is NULL. Texts are copied.
using SqlValue = std::variant<std::monostate, std::int64_t, std::string_view>;

/// One prepared statement in use. Kept by its Database and lent until destruction, which resets it;
/// or, of prepare_once, ended then.
class Statement {
 public:
  explicit Statement(sqlite3_stmt* stmt, bool kept = true) : stmt_(stmt), kept_(kept) {}
  Statement(Statement&& other) noexcept
      : stmt_(std::exchange(other.stmt_, nullptr)), kept_(other.kept_) {}
  Statement& operator=(Statement&&) = delete;
  ~Statement();

  void bind(std::initializer_list<SqlValue> values);
  void bind(int index, const SqlValue& value);  ///< counts from 1
  /// True when there is a row to read, false at the end.
  Result<bool> step();

  [[nodiscard]] std::int64_t integer(int column) const;
  [[nodiscard]] std::string text(int column) const;  ///< blobs too
  [[nodiscard]] bool is_null(int column) const;

 private:
  sqlite3_stmt* stmt_;
  bool kept_;
};

class Database {
 public:
  /// Opens or creates `path`. Nothing is read yet: a file that is no database fails at the first
  /// statement. `vfs`: the name of a registered sqlite3_vfs; "" is SQLite's own.
  static Result<Database> open(const std::string& path, const std::string& vfs = "");
  /// Opens a file that must be there, and writes nothing to it.
  static Result<Database> open_to_read(const std::string& path);

  /// A statement for `sql`, prepared once for each text and kept. `sql` holds no values.
  Result<Statement> prepare(std::string_view sql);
  /// The same for a text that differs from call to call, such as the conditions of a list.
  Result<Statement> prepare_once(std::string_view sql);
  /// Runs one statement to its end.
  Result<void> run(std::string_view sql, std::initializer_list<SqlValue> values = {});
  /// Runs a script of many statements, as it is.
  Result<void> script(const char* sql);
  /// The first column of the first row.
  Result<std::int64_t> query_integer(std::string_view sql);
  Result<std::string> query_text(std::string_view sql);

  /// Rows that the last statement changed.
  [[nodiscard]] std::int64_t changes() const { return sqlite3_changes64(db_.get()); }
  /// The rowid of the last row that was inserted.
  [[nodiscard]] std::int64_t last_insert() const { return sqlite3_last_insert_rowid(db_.get()); }
  [[nodiscard]] bool in_transaction() const { return sqlite3_get_autocommit(db_.get()) == 0; }
  /// Makes what runs on another thread fail with Cancelled soon. Any thread, while the database lives.
  void interrupt() const { sqlite3_interrupt(db_.get()); }

 private:
  struct Close {
    void operator()(sqlite3* db) const { sqlite3_close_v2(db); }
  };
  struct Finalize {
    void operator()(sqlite3_stmt* stmt) const { sqlite3_finalize(stmt); }
  };
  using StatementPtr = std::unique_ptr<sqlite3_stmt, Finalize>;

  static Result<Database> open_with(const std::string& path, const std::string& vfs, int flags);

  std::unique_ptr<sqlite3, Close> db_;
  std::unordered_map<std::string, StatementPtr>
      statements_;  // after db_: finalised before it closes
};

/// The last error of a connection as ours: SQLITE_FULL is ResourceExhausted, a constraint
/// AlreadyExists, a damaged or foreign file DataLoss, an error of the disk Internal.
Error sqlite_error(sqlite3* db);

}  // namespace gantry
