#include "daemon/store_check.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <utility>

#include "daemon/store_rows.h"
#include "daemon/store_schema.h"

namespace gantry {
namespace rows {
namespace {

constexpr std::size_t kMaxProblems = 100;

void add(StoreReport& report, std::string problem) {
  if (report.problems.size() < kMaxProblems) {
    report.problems.push_back(std::move(problem));
  } else {
    report.more = true;
  }
}

/// What SQLite itself finds: pages, indexes, constraints.
Result<void> check_pages(Database& database, StoreReport& report) {
  auto rows = database.prepare_once("PRAGMA integrity_check(100)");
  if (!rows) return fail(std::move(rows.error()));
  while (true) {
    auto more = rows->step();
    if (!more) return fail(std::move(more.error()));
    if (!*more) return {};
    if (std::string text = rows->text(0); text != "ok") add(report, std::move(text));
  }
}

/// Nodes, labels and events without their run, keys without their Secret.
Result<void> check_references(Database& database, StoreReport& report) {
  auto rows = database.prepare_once("PRAGMA foreign_key_check");
  if (!rows) return fail(std::move(rows.error()));
  while (true) {
    auto more = rows->step();
    if (!more) return fail(std::move(more.error()));
    if (!*more) return {};
    const std::string row = rows->is_null(1) ? "a row" : "row " + rows->text(1);
    add(report, row + " of " + rows->text(0) + " belongs to nothing in " + rows->text(2));
  }
}

Result<void> check_texts(Database& database, StoreReport& report) {
  for (const char* column : {"labels", "annotations", "spec_json"}) {
    auto rows = database.prepare_once("SELECT namespace, name FROM runs WHERE NOT json_valid(" + std::string(column) +
                                      ") LIMIT 100");
    if (!rows) return fail(std::move(rows.error()));
    while (true) {
      auto more = rows->step();
      if (!more) return fail(std::move(more.error()));
      if (!*more) break;
      add(report, "workflow " + rows->text(0) + "/" + rows->text(1) + ": its " + column + " is no JSON");
    }
  }
  return {};
}

Result<void> check_runs(Database& database, StoreReport& report) {
  auto ids = database.prepare_once("SELECT id FROM runs");
  if (!ids) return fail(std::move(ids.error()));
  while (true) {
    auto more = ids->step();
    if (!more) return fail(std::move(more.error()));
    if (!*more) return {};
    auto run = by_id(database, ids->integer(0), true);
    if (!run) return fail(std::move(run.error()));
    if (!*run) continue;
    ++report.runs;
    report.nodes += static_cast<std::int64_t>((*run)->nodes.size());
    if (!(*run)->damage.empty()) {
      add(report, "workflow " + (*run)->info.name_space + "/" + (*run)->info.name + ": " + (*run)->damage);
    }
  }
}

/// Of the database, with all that is committed.
Result<std::int64_t> size_of(Database& database) {
  auto pages = database.query_integer("PRAGMA page_count");
  if (!pages) return pages;
  auto page = database.query_integer("PRAGMA page_size");
  if (!page) return page;
  return *pages * *page;
}

}  // namespace

Result<StoreReport> check(Database& database) {
  StoreReport report;
  // One state of the store for all the questions.
  if (auto begun = database.run("BEGIN"); !begun) return fail(std::move(begun.error()));
  for (auto* look : {check_pages, check_references, check_texts, check_runs}) {
    auto looked = look(database, report);
    if (looked) continue;
    if (looked.error().code != Code::DataLoss) {
      (void)database.run("ROLLBACK");
      return fail(std::move(looked.error()));
    }
    add(report, std::move(looked.error().message));
  }
  if (auto size = size_of(database)) report.bytes = *size;
  (void)database.run("ROLLBACK");
  return report;
}

/// A copy must not be what fills the disk that the store itself writes to.
static Result<void> check_room(Database& database, const std::string& path, std::int64_t leave_free) {
  auto needed = size_of(database);
  if (!needed) return fail(std::move(needed.error()));
  const std::string directory = std::filesystem::path(path).parent_path().string();
  struct statvfs disk {};
  if (::statvfs(directory.c_str(), &disk) != 0) return fail(errno_error("look at the disk of " + directory, errno));
  const auto room = static_cast<std::int64_t>(disk.f_bavail * disk.f_frsize);
  if (room - *needed >= leave_free) return {};
  return fail(Code::ResourceExhausted, "a copy of the store needs " + std::to_string(*needed >> 20) + " MiB below " +
                                           directory + " for as long as it is read, and " +
                                           std::to_string(leave_free >> 20) + " MiB are to be left; " +
                                           std::to_string(room >> 20) + " MiB are free");
}

Result<UniqueFd> copy_to(Database& database, const std::string& path, std::int64_t leave_free) {
  if (auto room = check_room(database, path, leave_free); !room) return fail(std::move(room.error()));
  // SQLite takes an empty file for a new one; so it has our mode from its first byte on.
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd.valid()) return fail(errno_error("create " + path, errno));
  auto done = database.run("VACUUM INTO ?", {std::string_view(path)});
  if (done && ::fsync(fd.get()) != 0) done = fail(errno_error("sync " + path, errno));
  if (done) return fd;
  ::unlink(path.c_str());
  return fail(std::move(done.error()).wrap("copy the store to " + path));
}

}  // namespace rows

Result<StoreReport> check_store_file(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return fail(errno_error("open the store " + path, errno));
  auto database = Database::open_to_read(path);
  if (!database) return fail(std::move(database.error()).wrap("open the store " + path));
  auto version = identify(*database, path);
  if (!version) return fail(std::move(version.error()));
  if (*version < kNewestSchema) {
    StoreReport report;
    auto health = database->query_text("PRAGMA integrity_check(1)");
    if (!health) return fail(std::move(health.error()).wrap("check the store " + path));
    if (*health != "ok") report.problems.push_back(*health);
    if (*version == 0) report.problems.push_back("there is nothing in it");
    report.older_schema = *version;
    return report;
  }
  return rows::check(*database);
}

}  // namespace gantry
