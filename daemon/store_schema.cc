#include "daemon/store_schema.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>

#include "base/unique_fd.h"
#include "daemon/store_log.h"

namespace gantry {
namespace {

// PRAGMA application_id: "Gntr". A database of somebody else is never written to.
constexpr std::int64_t kApplicationId = 0x476e7472;

// kMigrations[n] brings a database of user_version n to n + 1. Entries are never changed once
// released.
//
// * Times are milliseconds since the epoch; labels and annotations are JSON objects.
// * runs is read newest first, page by page: (created, id) is the place of a page's end.
// * nodes.seq is the order of creation; an update keeps it.
// * object_keys.value holds raw bytes.
// * runs.templates is what the run was compiled with besides its own spec, runs.ttl its effective
//   ttlStrategy: JSON, "" where there is none.
// * resources.json is the object as it was submitted, without status; status is the daemon's own
//   word on a CronWorkflow. The two are written independently of each other.
// * runs.outputs is what globalName gave, memos what memoized templates gave: node_outputs_json().
// * runs.retries is how often the run was over and went on.
// * counters has the newest resourceVersion, so that a deleted object's is not given again.
// * run_labels is runs.labels again, for selectors; `created` is the run's, so that a page of a
//   selector is read in the order of the list. The indexes of runs hold what lists filter by, so that
//   a run that a list passes over costs no read of its row, which has the whole specification.
// * events is what no node tells: who did what to a run, and what recovery and retries did.
constexpr std::array kMigrations{
    R"sql(
CREATE TABLE runs (
  id INTEGER PRIMARY KEY,
  uid TEXT NOT NULL UNIQUE,
  namespace TEXT NOT NULL,
  name TEXT NOT NULL,
  generate_name TEXT NOT NULL,
  phase TEXT NOT NULL,
  message TEXT NOT NULL,
  created INTEGER NOT NULL,
  started INTEGER,
  finished INTEGER,
  shutdown TEXT NOT NULL,
  labels TEXT NOT NULL,
  annotations TEXT NOT NULL,
  spec_json TEXT NOT NULL,
  UNIQUE (namespace, name)
);
CREATE INDEX runs_by_creation ON runs (created DESC, id DESC);
CREATE INDEX runs_of_namespace ON runs (namespace, created DESC, id DESC);
CREATE INDEX runs_unfinished ON runs (created) WHERE phase IN ('Pending', 'Running');
CREATE TABLE nodes (
  seq INTEGER PRIMARY KEY,
  run_uid TEXT NOT NULL REFERENCES runs (uid) ON DELETE CASCADE,
  node_id TEXT NOT NULL,
  json TEXT NOT NULL,
  UNIQUE (run_uid, node_id)
);
CREATE TABLE objects (
  kind TEXT NOT NULL,
  namespace TEXT NOT NULL,
  name TEXT NOT NULL,
  labels TEXT NOT NULL,
  created INTEGER NOT NULL,
  PRIMARY KEY (kind, namespace, name)
) WITHOUT ROWID;
CREATE TABLE object_keys (
  kind TEXT NOT NULL,
  namespace TEXT NOT NULL,
  name TEXT NOT NULL,
  key TEXT NOT NULL,
  value BLOB NOT NULL,
  PRIMARY KEY (kind, namespace, name, key),
  FOREIGN KEY (kind, namespace, name) REFERENCES objects ON DELETE CASCADE
) WITHOUT ROWID;
)sql",
    R"sql(
ALTER TABLE runs ADD COLUMN templates TEXT NOT NULL DEFAULT '';
ALTER TABLE runs ADD COLUMN ttl TEXT NOT NULL DEFAULT '';
CREATE TABLE resources (
  kind TEXT NOT NULL,
  namespace TEXT NOT NULL,
  name TEXT NOT NULL,
  uid TEXT NOT NULL,
  created INTEGER NOT NULL,
  generation INTEGER NOT NULL,
  version INTEGER NOT NULL,
  json TEXT NOT NULL,
  status TEXT NOT NULL,
  PRIMARY KEY (kind, namespace, name)
);
CREATE TABLE counters (
  name TEXT PRIMARY KEY,
  value INTEGER NOT NULL
) WITHOUT ROWID;
)sql",
    R"sql(
ALTER TABLE runs ADD COLUMN suspended INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN outputs TEXT NOT NULL DEFAULT '{}';
CREATE TABLE memos (
  namespace TEXT NOT NULL,
  cache TEXT NOT NULL,
  key TEXT NOT NULL,
  node_id TEXT NOT NULL,
  outputs TEXT NOT NULL,
  created INTEGER NOT NULL,
  PRIMARY KEY (namespace, cache, key)
) WITHOUT ROWID;
)sql",
    R"sql(
ALTER TABLE runs ADD COLUMN retries INTEGER NOT NULL DEFAULT 0;
)sql",
    R"sql(
CREATE TABLE run_labels (
  run_id INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  created INTEGER NOT NULL,
  PRIMARY KEY (run_id, key)
) WITHOUT ROWID;
CREATE INDEX run_labels_by_value ON run_labels (key, value, created DESC, run_id DESC);
INSERT INTO run_labels (run_id, key, value, created)
  SELECT runs.id, label.key, label.value, runs.created
  FROM runs, json_each(CASE WHEN json_valid(runs.labels) THEN runs.labels ELSE '{}' END) AS label
  WHERE label.type = 'text' AND typeof(label.key) = 'text';
DROP INDEX runs_by_creation;
DROP INDEX runs_of_namespace;
CREATE INDEX runs_by_creation ON runs (created DESC, id DESC, namespace, name);
CREATE INDEX runs_of_namespace ON runs (namespace, created DESC, id DESC, name);
CREATE INDEX runs_by_phase ON runs (phase, created DESC, id DESC, namespace, name);
CREATE INDEX runs_by_name ON runs (name, created DESC, id DESC, namespace);
CREATE INDEX runs_by_end ON runs (finished, id) WHERE finished IS NOT NULL;
CREATE INDEX runs_with_ttl ON runs (id) WHERE ttl <> '';
CREATE TABLE events (
  seq INTEGER PRIMARY KEY,
  run_id INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
  at INTEGER NOT NULL,
  node_id TEXT NOT NULL,
  reason TEXT NOT NULL,
  message TEXT NOT NULL
);
CREATE INDEX events_of_run ON events (run_id, seq);
)sql",
};
static_assert(kMigrations.size() == kNewestSchema);

Result<void> create_private(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd.valid()) return fail(errno_error("open the store " + path, errno));
  // SQLite gives -wal and -shm the mode of the database.
  if (::fchmod(fd.get(), 0600) != 0) return fail(errno_error("protect the store " + path, errno));
  return {};
}

Error damaged(const std::string& path, const std::string& what) {
  return {Code::DataLoss,
          "the store " + path + " is damaged (" + what +
              "); it was left as it is: restore it from a backup, or move it away to "
              "start with an empty one"};
}

/// SQLite throws away a WAL that lies beside no database, or an empty one; what is in it was acknowledged.
Result<void> check_wal_has_its_database(const std::string& path) {
  struct stat database {}, wal {};
  const bool is_there = ::stat(path.c_str(), &database) == 0 && database.st_size > 0;
  if (is_there || ::stat((path + "-wal").c_str(), &wal) != 0 || wal.st_size == 0) return {};
  return fail(damaged(path, "its -wal is there, and nothing is in the database itself"));
}

Error explain(Error error, const std::string& path) {
  if (error.code == Code::DataLoss) return damaged(path, error.message);
  return std::move(error).wrap("open the store " + path);
}

}  // namespace

Result<std::int64_t> identify(Database& database, const std::string& path) {
  auto version = database.query_integer("PRAGMA user_version");
  if (!version) return fail(explain(version.error(), path));
  auto application = database.query_integer("PRAGMA application_id");
  if (!application) return fail(explain(application.error(), path));
  auto tables = database.query_integer("SELECT count(*) FROM sqlite_schema");
  if (!tables) return fail(explain(tables.error(), path));
  if (*tables > 0 && *application != kApplicationId) {
    return fail(Code::FailedPrecondition, path + " is a database, but not one of Gantry's");
  }
  if (*version > kNewestSchema) {
    return fail(Code::FailedPrecondition,
                "the store " + path + " was written by a newer gantryd (schema " +
                    std::to_string(*version) + ", this one knows " + std::to_string(kNewestSchema) +
                    "): install that version again");
  }
  return *version;
}

namespace {

Result<void> check_and_migrate(Database& database, const std::string& path) {
  auto version = identify(database, path);
  if (!version) return fail(std::move(version.error()));
  if (!is_large(database)) {
    if (auto sound = check_database_pages(database); !sound) return fail(explain(sound.error(), path));
  }
  if (*version < kNewestSchema) {
    if (auto done = migrate(database, *version, kNewestSchema); !done) {
      return fail(explain(done.error(), path));
    }
  }
  return {};
}

}  // namespace

// Some 0.3 s of reading from memory.
constexpr std::int64_t kLargeBytes = std::int64_t{256} << 20;

bool is_large(Database& database) {
  auto pages = database.query_integer("PRAGMA page_count");
  auto size = database.query_integer("PRAGMA page_size");
  return pages && size && *pages * *size > kLargeBytes;
}

Result<void> check_database_pages(Database& database) {
  auto health = database.query_text("PRAGMA quick_check(1)");
  if (!health) return fail(std::move(health.error()));
  if (*health != "ok") return fail(Code::DataLoss, *health);
  return {};
}

Result<void> migrate(Database& database, std::int64_t from, std::int64_t to) {
  if (auto begun = database.script("BEGIN IMMEDIATE"); !begun) return begun;
  Result<void> done;
  for (auto next = static_cast<std::size_t>(from); done && next < static_cast<std::size_t>(to); ++next) {
    done = database.script(kMigrations[next]);
  }
  const std::string stamp = "PRAGMA application_id = " + std::to_string(kApplicationId) +
                            "; PRAGMA user_version = " + std::to_string(to) + "; COMMIT";
  if (done) done = database.script(stamp.c_str());
  if (!done && database.in_transaction()) (void)database.script("ROLLBACK");
  return done;
}

static Result<void> configure(Database& database) {
  return database.script(
      "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;"
      "PRAGMA busy_timeout = 5000; PRAGMA temp_store = MEMORY; PRAGMA secure_delete = ON;"
      "PRAGMA cache_size = -16384;"  // what a workflow of 100,000 nodes changes of an index in one transaction
      "PRAGMA journal_size_limit = 67108864;");  // a WAL that grew while a backup was made shrinks again
}

/// What is in the WAL goes to the database, and the next commit begins a new one.
static Result<void> begin_new_wal(Database& database, const std::string& path) {
  auto busy = database.query_integer("PRAGMA wal_checkpoint(TRUNCATE)");
  if (!busy) return fail(explain(busy.error(), path));
  if (*busy != 0) return fail(Code::Unavailable, "open the store " + path + " again: it is being read");
  // A commit that changes a page and so is synced. Until then the truncation is not on the disk, and a log that lacks what the
  // database has already would come back after a power failure, and take that back.
  if (auto begun = database.run("PRAGMA user_version = " + std::to_string(kNewestSchema)); !begun) {
    return fail(explain(begun.error(), path));
  }
  return {};
}

Result<Database> reopen_database(const std::string& path, const std::string& vfs) {
  if (auto rewritten = rewrite_log(path, vfs); !rewritten) return fail(explain(rewritten.error(), path));
  auto database = Database::open(path, vfs);
  if (!database) return fail(explain(database.error(), path));
  auto version = database->query_integer("PRAGMA user_version");
  if (!version) return fail(explain(version.error(), path));
  if (*version != kNewestSchema) {
    return fail(Code::FailedPrecondition, "the store " + path + " is not the one that was opened");
  }
  if (auto ready = configure(*database); !ready) return fail(explain(ready.error(), path));
  if (auto begun = begin_new_wal(*database, path); !begun) return fail(std::move(begun.error()));
  return database;
}

Result<Database> open_database(const std::string& path, const std::string& vfs) {
  if (vfs.empty()) {
    if (auto whole = check_wal_has_its_database(path); !whole) return fail(std::move(whole.error()));
    if (auto made = create_private(path); !made) return fail(made.error());
  }
  if (auto rewritten = rewrite_log(path, vfs); !rewritten) return fail(explain(rewritten.error(), path));
  auto database = Database::open(path, vfs);
  if (!database) return fail(explain(database.error(), path));
  // Checked before the journal mode is set: a foreign file must not be changed, nor a damaged one by its WAL.
  database->checkpoint_on_close(false);
  if (auto checked = check_and_migrate(*database, path); !checked) return fail(checked.error());
  database->checkpoint_on_close(true);
  if (auto ready = configure(*database); !ready) return fail(explain(ready.error(), path));
  if (auto begun = begin_new_wal(*database, path); !begun) return fail(std::move(begun.error()));
  return database;
}

}  // namespace gantry
