#include "tests/support/lossy_vfs.h"

#include <gmock/gmock.h>

#include "daemon/sqlite.h"

namespace gantry {
namespace {

using Disk = testing::LossyVfs;
using Operation = Disk::Operation;

constexpr const char* kPath = "/t.db";

Database open(const Disk& disk, const std::string& synchronous = "FULL") {
  Database database = Database::open(kPath, disk.name()).value();
  auto ready = database.script(("PRAGMA journal_mode = WAL; PRAGMA synchronous = " + synchronous +
                                "; CREATE TABLE IF NOT EXISTS t (id INTEGER PRIMARY KEY, x BLOB)")
                                   .c_str());
  EXPECT_TRUE(ready) << ready.error().message;
  return database;
}

/// Inserts rows until one fails or there are enough; how many were acknowledged.
std::int64_t insert(Database& database, std::int64_t from, std::int64_t count) {
  for (std::int64_t id = from; id < from + count; ++id) {
    if (!database.run("INSERT INTO t VALUES (?, randomblob(700))", {id})) return id - from;
    if (id % 7 == 3) (void)database.script("PRAGMA wal_checkpoint(TRUNCATE)");
  }
  return count;
}

std::int64_t rows(Database& database) { return database.query_integer("SELECT count(*) FROM t").value(); }

TEST(LossyVfs, NothingAcknowledgedIsLostWhereverThePowerFails) {
  std::uint64_t changes = 0;
  for (std::uint64_t seed = 0; seed < 4; ++seed) {
    for (std::uint64_t point = 0;; ++point) {
      Disk disk(seed * 1000 + point);
      (void)open(disk);
      disk.die_after(point);
      std::int64_t acknowledged = 0;
      {
        auto database = Database::open(kPath, disk.name());
        (void)database->script("PRAGMA synchronous = FULL");
        acknowledged = insert(*database, 0, 20);
      }
      disk.crash();
      Database database = open(disk);
      ASSERT_EQ(database.query_text("PRAGMA integrity_check").value(), "ok") << seed << ", " << point;
      ASSERT_GE(rows(database), acknowledged) << seed << ", " << point;
      ASSERT_LE(rows(database), acknowledged + 1) << seed << ", " << point;
      changes = point;
      if (acknowledged == 20) break;
    }
  }
  EXPECT_GT(changes, 40u) << "the disk saw too little to say anything";
}

TEST(LossyVfs, WhatIsNotSyncedCanBeLostAndTorn) {
  int lost = 0, broken = 0;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    Disk disk(seed);
    {
      Database database = open(disk, "OFF");
      ASSERT_EQ(insert(database, 0, 20), 20);
      disk.crash();
    }
    auto database = Database::open(kPath, disk.name());
    ASSERT_TRUE(database);
    auto health = database->query_text("PRAGMA integrity_check");
    auto count = database->query_integer("SELECT count(*) FROM t");
    if (!health || *health != "ok") ++broken;
    else if (!count || *count < 20) ++lost;
  }
  EXPECT_GT(lost, 0);
  EXPECT_GT(broken, 0);
}

TEST(LossyVfs, AKilledProcessLosesNothing) {
  Disk disk(1);
  Database before = open(disk, "OFF");
  ASSERT_EQ(insert(before, 0, 10), 10);
  disk.kill();
  EXPECT_FALSE(before.run("INSERT INTO t VALUES (99, '')")) << "its files must be dead";
  Database after = open(disk);
  EXPECT_EQ(rows(after), 10);
}

TEST(LossyVfs, TheSameSeedGivesTheSameDisk) {
  auto play = [](std::uint64_t seed) {
    Disk disk(seed);
    {
      Database database = open(disk, "OFF");
      insert(database, 0, 30);
      disk.crash();
    }
    std::string all;
    for (const std::string& file : disk.files()) all += file + '\n' + disk.contents(file);
    return all;
  };
  EXPECT_EQ(play(7), play(7));
  EXPECT_NE(play(7), play(8));
}

TEST(LossyVfs, ConnectionsSeeEachOther) {
  Disk disk(1);
  Database first = open(disk), second = open(disk);
  ASSERT_TRUE(first.script("BEGIN IMMEDIATE; INSERT INTO t VALUES (1, '')"));
  auto refused = second.script("BEGIN IMMEDIATE");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::Unavailable);
  EXPECT_EQ(rows(second), 0);
  ASSERT_TRUE(first.script("COMMIT"));
  EXPECT_EQ(rows(second), 1);
}

TEST(LossyVfs, AFailedSyncMayLoseWhatALaterOneSaysIsThere) {
  // SQLite writes the frames of a failed transaction again, so this asks the VFS itself.
  int lost = 0;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    Disk disk(seed);
    sqlite3_vfs* vfs = sqlite3_vfs_find(disk.name().c_str());
    std::vector<std::max_align_t> memory(static_cast<std::size_t>(vfs->szOsFile) / sizeof(std::max_align_t) + 1);
    auto* file = reinterpret_cast<sqlite3_file*>(memory.data());
    const int flags = SQLITE_OPEN_CREATE | SQLITE_OPEN_READWRITE | SQLITE_OPEN_MAIN_DB;
    ASSERT_EQ(vfs->xOpen(vfs, "/f", file, flags, nullptr), SQLITE_OK);
    ASSERT_EQ(file->pMethods->xWrite(file, "text", 4, 0), SQLITE_OK);
    disk.inject({.operation = Operation::Sync, .code = SQLITE_IOERR_FSYNC});
    EXPECT_EQ(file->pMethods->xSync(file, SQLITE_SYNC_NORMAL), SQLITE_IOERR_FSYNC);
    EXPECT_EQ(file->pMethods->xSync(file, SQLITE_SYNC_NORMAL), SQLITE_OK);
    EXPECT_EQ(disk.contents("/f"), "text");
    file->pMethods->xClose(file);
    disk.crash();
    lost += disk.contents("/f") != "text";
  }
  EXPECT_GT(lost, 5);
  EXPECT_LT(lost, 35);
}

TEST(LossyVfs, RefusesAsItIsTold) {
  Disk disk(1);
  Database database = open(disk);
  disk.limit_bytes(disk.bytes() + 2000);
  auto full = database.run("INSERT INTO t VALUES (1, randomblob(9000))");
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code, Code::ResourceExhausted);
  disk.limit_bytes(std::nullopt);
  EXPECT_TRUE(database.run("INSERT INTO t VALUES (1, randomblob(9000))"));

  disk.set_read_only(true);
  EXPECT_FALSE(database.run("INSERT INTO t VALUES (2, '')"));
  disk.set_read_only(false);

  disk.inject({.operation = Operation::Read, .code = SQLITE_IOERR_READ, .times = Disk::kAlways});
  auto unreadable = Database::open(kPath, disk.name());
  EXPECT_FALSE(unreadable && unreadable->query_integer("SELECT count(*) FROM t"));
  disk.clear_faults();
  EXPECT_EQ(rows(database), 1);

  disk.refuse_new_files(true);
  EXPECT_FALSE(Database::open("/new.db", disk.name()));
}

TEST(LossyVfs, DamageIsDamage) {
  Disk disk(1);
  {
    Database database = open(disk);
    insert(database, 0, 30);
  }
  std::string whole = disk.contents(kPath);
  disk.flip_bits(kPath, 3);
  EXPECT_NE(disk.contents(kPath), whole);
  disk.put(kPath, whole);
  disk.cut(kPath);
  EXPECT_LT(disk.contents(kPath).size(), whole.size());
}

}  // namespace
}  // namespace gantry
