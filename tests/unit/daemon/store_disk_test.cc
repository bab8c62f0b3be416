// A disk that fails under the store: what was acknowledged stays, what failed is told, and the store
// goes on when the disk does.

#include <gmock/gmock.h>
#include <sqlite3.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <set>

#include "daemon/node_json.h"
#include "daemon/sqlite.h"
#include "daemon/store_check.h"
#include "daemon/store_set_aside.h"
#include "tests/support/lossy_vfs.h"
#include "tests/unit/daemon/store_access.h"
#include "tests/unit/daemon/temporary_directory.h"

namespace gantry {
namespace {

using ::testing::HasSubstr;
using Disk = testing::LossyVfs;
using Operation = Disk::Operation;

constexpr const char* kPath = "/gantry.db";

StoreBatch batch_of(const std::string& name, std::size_t bytes = 10) {
  StoreBatch batch;
  batch.runs.push_back(new_run(name, 1));
  batch.runs[0].info.spec_json = "{\"x\":\"" + std::string(bytes, 'x') + "\"}";
  batch.nodes = {{"uid-" + name, name, node_json({.id = name, .name = name})}};
  return batch;
}

struct Failure {
  const char* what;
  void (*begin)(Disk&);
  Code code;
  const char* message;
};
const Failure kFailures[] = {
    {"disk full", [](Disk& disk) { disk.limit_bytes(disk.bytes()); }, Code::ResourceExhausted, "full"},
    {"write error",
     [](Disk& disk) { disk.inject({.operation = Operation::Write, .code = SQLITE_IOERR_WRITE, .times = Disk::kAlways}); },
     Code::Internal, "while writing"},
    {"sync error",
     [](Disk& disk) { disk.inject({.operation = Operation::Sync, .code = SQLITE_IOERR_FSYNC, .times = Disk::kAlways}); },
     Code::Internal, "while syncing"},
    {"read-only", [](Disk& disk) { disk.set_read_only(true); }, Code::Internal, ""},
};

void repair(Disk& disk) {
  disk.clear_faults();
  disk.limit_bytes(std::nullopt);
  disk.set_read_only(false);
  disk.refuse_new_files(false);
}

TEST(StoreDisk, EveryFailureIsToldAndTheStoreGoesOnAfterwards) {
  for (const Failure& failure : kFailures) {
    Disk disk(3);
    StoreAccess store(kPath, disk.name());
    ASSERT_TRUE(store.open());
    ASSERT_TRUE(store.write(batch_of("before")));
    failure.begin(disk);
    for (int attempt = 0; attempt < 3; ++attempt) {
      auto written = store.write(batch_of("during", 20'000));
      ASSERT_FALSE(written) << failure.what;
      if (attempt > 0) continue;  // later ones may say that the store cannot be opened again
      EXPECT_EQ(written.error().code, failure.code) << failure.what << ": " << written.error().message;
      EXPECT_THAT(written.error().message, HasSubstr(failure.message)) << failure.what;
    }
    repair(disk);
    auto after = store.write(batch_of("after"));
    ASSERT_TRUE(after) << failure.what << ": " << after.error().message;
    disk.crash();
    ASSERT_TRUE(store.open()) << failure.what;
    EXPECT_EQ(store.load("uid-before").value().size(), 1u) << failure.what;
    EXPECT_EQ(store.load("uid-after").value().size(), 1u) << failure.what;
    EXPECT_EQ(store.load("uid-after").value()[0].nodes.size(), 1u) << failure.what;
  }
}

TEST(StoreDisk, NoFileCanBeMadeAnyMore) {
  Disk disk(4);
  StoreAccess store(kPath, disk.name());
  ASSERT_TRUE(store.open());
  ASSERT_TRUE(store.write(batch_of("a")));
  disk.refuse_new_files(true);
  EXPECT_TRUE(store.write(batch_of("b"))) << "the store's files are there already";
  disk.inject({.operation = Operation::Write, .code = SQLITE_IOERR_WRITE});
  EXPECT_FALSE(store.write(batch_of("c")));
  disk.refuse_new_files(false);
  EXPECT_TRUE(store.write(batch_of("c")));
}

/// Random writes, random failures of writes and syncs, a power cut: what was acknowledged is there.
TEST(StoreDisk, NothingAcknowledgedIsLostOverFailedSyncsAndAPowerCut) {
  int failures = 0;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    std::mt19937_64 random(seed);
    Disk disk(seed);
    StoreAccess store(kPath, disk.name());
    ASSERT_TRUE(store.open());
    std::set<std::string> acknowledged, given;
    for (int i = 0; i < 25; ++i) {
      if (random() % 4 == 0) {
        const bool syncs = random() % 2 == 0;
        disk.inject({.operation = syncs ? Operation::Sync : Operation::Write,
                     .code = syncs ? SQLITE_IOERR_FSYNC : SQLITE_IOERR_WRITE,
                     .after = random() % 3,
                     .times = 1 + random() % 2});
      }
      const std::string name = "r" + std::to_string(i);
      given.insert(name);
      if (store.write(batch_of(name, random() % 9000))) {
        acknowledged.insert(name);
      } else {
        ++failures;
      }
    }
    disk.crash();
    disk.clear_faults();
    auto opened = store.open();
    ASSERT_TRUE(opened) << seed << ": " << opened.error().message;
    std::set<std::string> found;
    for (const std::string& name : store.names({})) found.insert(name);
    for (const std::string& name : acknowledged) ASSERT_TRUE(found.contains(name)) << seed << ": " << name;
    for (const std::string& name : found) ASSERT_TRUE(given.contains(name)) << seed << ": " << name;
  }
  EXPECT_GT(failures, 30);
}

TEST(StoreDisk, WhatAFailedSyncDroppedIsNotBuiltUponByTheNextLife) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    Disk disk(seed);
    StoreAccess access(kPath, disk.name());
    ASSERT_TRUE(access.open());
    ASSERT_TRUE(access.write(batch_of("before")));
    disk.inject({.operation = Operation::Sync, .code = SQLITE_IOERR_FSYNC, .times = Disk::kAlways, .suffix = ""});
    ASSERT_FALSE(access.write(batch_of("failed", 5000)));
    disk.clear_faults();
    disk.kill();  // the page cache still shows what the platter does not have
    ASSERT_TRUE(access.open());
    ASSERT_TRUE(access.write(batch_of("after")));
    disk.crash();
    ASSERT_TRUE(access.open()) << seed;
    EXPECT_EQ(access.load("uid-before")->size(), 1u) << seed;
    EXPECT_EQ(access.load("uid-after")->size(), 1u) << seed;
  }
}

/// As a process leaves it that was killed, on a real file system.
TEST(StoreDisk, ALogOfAnySizeIsTakenUp) {
  for (const std::size_t kibibytes : {1, 100, 127, 128, 129, 256, 1024, 3000}) {
    const TemporaryDirectory directory;
    const std::string path = directory.path() + "/gantry.db", left = directory.path() + "/left.db";
    StoreAccess store(path);
    ASSERT_TRUE(store.open());
    ASSERT_TRUE(store.write(batch_of("run", kibibytes << 10)));
    for (const char* suffix : {"", "-wal"}) std::filesystem::copy_file(path + suffix, left + suffix);
    StoreAccess next(left);
    const auto opened = next.open();
    ASSERT_TRUE(opened) << kibibytes << ": " << opened.error().message;
    EXPECT_EQ(next.load("uid-run")->size(), 1u) << kibibytes;
  }
}

/// Syncs fail, the same is tried until it is taken, and the power fails at any time in between or soon after: the database is
/// sound, and what was taken is there, although what the failed syncs dropped could be read all the time.
TEST(StoreDisk, WhatIsTriedAgainStaysWhereverThePowerFails) {
  int taken = 0;
  for (std::uint64_t seed = 1; seed <= 150; ++seed) {
    std::mt19937_64 random(seed);
    Disk disk(seed);
    StoreAccess store(kPath, disk.name());
    ASSERT_TRUE(store.open());
    ASSERT_TRUE(store.write(batch_of("run", 30'000)));
    StoreBatch again;
    for (int i = 0; i < 8; ++i) {
      const std::string id = "n" + std::to_string(i);
      again.nodes.push_back({"uid-run", id, node_json({.id = id, .name = id, .message = std::string(3000, 'x')})});
    }
    disk.inject({.operation = Operation::Sync, .code = SQLITE_IOERR_FSYNC, .times = 1 + random() % 3});
    if (random() % 2 == 0) disk.die_after(random() % 60);
    bool acknowledged = false;
    for (int attempt = 0; attempt < 6 && !acknowledged; ++attempt) acknowledged = store.write(again).has_value();
    taken += acknowledged ? 1 : 0;
    disk.crash();
    disk.clear_faults();
    const auto opened = store.open();
    ASSERT_TRUE(opened) << seed << ": " << opened.error().message;
    const auto sound = store.await<void>([&](auto done) { store.store().check_pages(done); });
    ASSERT_TRUE(sound) << seed << ": " << sound.error().message;
    const auto runs = store.load("uid-run");
    ASSERT_TRUE(runs) << seed << ": " << runs.error().message;
    ASSERT_EQ(runs->size(), 1u) << seed;
    ASSERT_TRUE((*runs)[0].damage.empty()) << seed << ": " << (*runs)[0].damage;
    if (acknowledged) {
      ASSERT_EQ((*runs)[0].nodes.size(), 9u) << seed;
    }
  }
  EXPECT_GT(taken, 40);
}

TEST(StoreDisk, NothingAcknowledgedIsLostWhereverThePowerFails) {
  for (std::uint64_t point = 0; point < 160; point += 3) {
    Disk disk(point);
    StoreAccess store(kPath, disk.name());
    ASSERT_TRUE(store.open());
    disk.die_after(point);
    std::set<std::string> acknowledged;
    for (int i = 0; i < 12; ++i) {
      const std::string name = "r" + std::to_string(i);
      if (store.write(batch_of(name, 3000))) acknowledged.insert(name);
    }
    store.close();
    disk.crash();
    auto opened = store.open();
    ASSERT_TRUE(opened) << point << ": " << opened.error().message;
    const auto names = store.names({});
    const std::set<std::string> found(names.begin(), names.end());
    for (const std::string& name : acknowledged) ASSERT_TRUE(found.contains(name)) << point << ": " << name;
    ASSERT_LE(found.size(), acknowledged.size() + 1) << point;
  }
}

/// A store with runs in it, closed, with all of it in the database file.
void fill(Disk& disk) {
  StoreAccess store(kPath, disk.name());
  ASSERT_TRUE(store.open());
  StoreBatch batch;
  for (int i = 0; i < 30; ++i) {
    StoreBatch one = batch_of("r" + std::to_string(i), 1500);
    batch.runs.push_back(one.runs[0]);
    batch.nodes.push_back(one.nodes[0]);
  }
  ASSERT_TRUE(store.write(std::move(batch)));
}

/// Bits flipped and ends torn off at random places: the store is refused and left as it is, or it is
/// read, and then every run is whole, or says that it is not, or its absence would be found by a check.
TEST(StoreDisk, ADamagedFileNeverCrashesAndIsNeverOverwritten) {
  int refused = 0, read = 0;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    Disk disk(seed);
    fill(disk);
    if (seed % 3 == 0) disk.cut(kPath);
    else disk.flip_bits(kPath, 1 + seed % 5);
    const std::string damaged = disk.contents(kPath);
    if (damaged.empty()) continue;  // a file of no bytes is a new store
    StoreAccess store(kPath, disk.name());
    auto opened = store.open();
    if (!opened) {
      ++refused;
      EXPECT_TRUE(opened.error().code == Code::DataLoss || opened.error().code == Code::FailedPrecondition)
          << seed << ": " << opened.error().message;
      EXPECT_THAT(opened.error().message, HasSubstr(kPath)) << seed;
      EXPECT_EQ(disk.contents(kPath), damaged) << seed << ": the file was changed";
      continue;
    }
    ++read;
    auto runs = store.unfinished();
    if (!runs) {
      EXPECT_EQ(runs.error().code, Code::DataLoss) << seed;
      continue;
    }
    // A name or a uid may have become another one; nothing may have gone without a word.
    std::size_t whole = 0;
    for (const StoredRun& run : *runs) whole += run.damage.empty() && run.nodes.size() == 1;
    if (whole == 30u) continue;
    auto report = store.await<StoreReport>([&](auto done) { store.store().check(done); });
    EXPECT_TRUE(!report || !report->problems.empty()) << seed << ": " << whole << " runs, and the check finds nothing";
  }
  EXPECT_GT(refused, 50);
  EXPECT_GT(read, 20);
}

std::string read(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}
void write(const std::string& file, const std::string& text) { std::ofstream(file, std::ios::binary) << text; }

/// What would go with a damaged database is its WAL: it stays beside it, and is not moved into it.
TEST(StoreDisk, ADamagedDatabaseKeepsItsWal) {
  const std::string wal = std::string(kPath) + "-wal";
  int refused = 0;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    Disk disk(seed);
    fill(disk);
    {
      StoreAccess store(kPath, disk.name());
      ASSERT_TRUE(store.open());
      ASSERT_TRUE(store.write(batch_of("late", 3000)));
      disk.kill();
    }
    disk.flip_bits(kPath, 100);
    const std::string damaged = disk.contents(kPath), log = disk.contents(wal);
    ASSERT_FALSE(log.empty());
    StoreAccess store(kPath, disk.name());
    if (store.open()) continue;
    ++refused;
    EXPECT_EQ(disk.contents(kPath), damaged) << seed;
    EXPECT_EQ(disk.contents(wal), log) << seed;
  }
  EXPECT_GT(refused, 20);
}

/// The offline check reads what a daemon refuses. It finds something, or every run is as it was.
TEST(StoreDisk, ACheckOfADamagedFileNeverCrashesAndChangesNothing) {
  TemporaryDirectory directory;
  const std::string file = directory.file("copy.db");
  int found = 0;
  for (std::uint64_t seed = 0; seed < 150; ++seed) {
    Disk disk(seed);
    fill(disk);
    const std::string sound = disk.contents(kPath);
    if (seed % 3 == 0) disk.cut(kPath);
    else disk.flip_bits(kPath, 1 + seed % 5);
    const std::string damaged = disk.contents(kPath);
    write(file, damaged);
    auto report = check_store_file(file);
    EXPECT_EQ(read(file), damaged) << seed;
    if (!report || !report->problems.empty()) {
      ++found;
      continue;
    }
    EXPECT_EQ(report->runs, 30) << seed;
    EXPECT_EQ(report->nodes, 30) << seed;
  }
  EXPECT_GT(found, 50);
  EXPECT_FALSE(check_store_file(directory.file("nothing")));
  EXPECT_FALSE(std::filesystem::exists(directory.file("nothing")));
}

TEST(StoreDisk, AWalWithoutItsDatabaseIsNotThrownAway) {
  for (const bool missing : {true, false}) {
    TemporaryDirectory directory;
    const std::string path = directory.file("gantry.db");
    {
      StoreAccess store(path);
      ASSERT_TRUE(store.open());
      ASSERT_TRUE(store.write(batch_of("a")));
      std::filesystem::copy_file(path + "-wal", directory.file("log"));
    }
    const std::string log = read(directory.file("log"));
    ASSERT_FALSE(log.empty());
    std::filesystem::remove(path);
    if (!missing) write(path, "");
    write(path + "-wal", log);
    StoreAccess store(path);
    auto opened = store.open();
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, Code::DataLoss);
    EXPECT_THAT(opened.error().message, HasSubstr("its -wal is there"));
    EXPECT_EQ(read(path + "-wal"), log);
    auto aside = set_aside_store(path, Time(std::chrono::seconds(1'700'000'000)));
    ASSERT_TRUE(aside) << aside.error().message;
    EXPECT_EQ(read(*aside + "-wal"), log);
    EXPECT_TRUE(store.open());
  }
}

TEST(StoreDisk, ACopyLeavesRoomOnTheDisk) {
  TemporaryDirectory directory;
  StoreAccess store(directory.file("gantry.db"));
  ASSERT_TRUE(store.open());
  ASSERT_TRUE(store.write(batch_of("a")));
  const std::string copy = directory.file("copy.db");
  auto backup = [&](std::int64_t leave_free) {
    std::optional<Code> failed;
    bool answered = false;
    store.store().backup(copy, leave_free, [&](const Result<UniqueFd>& done) {
      answered = true;
      if (!done) failed = done.error().code;
    });
    store.executor.run_until([&] { return answered; });
    return failed;
  };
  EXPECT_EQ(backup(std::int64_t{1} << 60), Code::ResourceExhausted);
  EXPECT_FALSE(std::filesystem::exists(copy));
  EXPECT_EQ(backup(0), std::nullopt);
  EXPECT_EQ(check_store_file(copy).value().runs, 1);
  const std::string before = read(copy);
  EXPECT_TRUE(backup(0)) << "an existing file is not overwritten";
  EXPECT_EQ(read(copy), before);
}

TEST(StoreDisk, ATornWalLosesNothingThatWasAcknowledgedBefore) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    Disk disk(seed);
    StoreAccess store(kPath, disk.name());
    ASSERT_TRUE(store.open());
    ASSERT_TRUE(store.write(batch_of("a", 3000)));
    ASSERT_TRUE(store.write(batch_of("b", 3000)));
    disk.kill();  // the WAL stays
    store.close();
    if (seed % 2 == 0) disk.cut(std::string(kPath) + "-wal");
    else disk.flip_bits(std::string(kPath) + "-wal", 1);
    auto opened = store.open();
    ASSERT_TRUE(opened) << seed << ": " << opened.error().message;
    const auto names = store.names({});
    // What is torn ends the log: "b" cannot be there without "a".
    if (names.size() == 1) {
      EXPECT_EQ(names[0], "a") << seed;
    }
    EXPECT_TRUE(store.write(batch_of("c"))) << seed;
  }
}

TEST(StoreDisk, DamageInOneRunIsOfThatRunOnly) {
  Disk disk(1);
  fill(disk);
  {
    auto database = Database::open(kPath, disk.name()).value();
    ASSERT_TRUE(database.script("UPDATE nodes SET json = x'ff00' WHERE node_id = 'r3';"
                                "UPDATE runs SET outputs = 'no' WHERE name = 'r5';"
                                "UPDATE runs SET phase = 'Running', shutdown = 'Sideways' WHERE name = 'r7';"
                                "UPDATE runs SET labels = x'00', annotations = '[' WHERE name = 'r9'"));
  }
  StoreAccess store(kPath, disk.name());
  ASSERT_TRUE(store.open());
  auto runs = store.unfinished();
  ASSERT_TRUE(runs) << runs.error().message;
  ASSERT_EQ(runs->size(), 30u);
  std::set<std::string> damaged;
  for (const StoredRun& run : *runs) {
    if (!run.damage.empty()) damaged.insert(run.info.name);
  }
  EXPECT_EQ(damaged, (std::set<std::string>{"r3", "r5", "r7", "r9"}));
}

TEST(StoreSetAside, KeepsWhatTheWorkflowsLeft) {
  TemporaryDirectory directory;
  const Time when(std::chrono::seconds(1'700'000'000));
  const std::string logs = directory.file("logs");
  EXPECT_EQ(set_aside_directory(logs, when).value(), "");
  std::filesystem::create_directory(logs);
  EXPECT_EQ(set_aside_directory(logs, when).value(), "") << "nothing is in it";
  write(logs + "/log", "hello");
  EXPECT_EQ(set_aside_directory(logs, when).value(), logs + ".before-20231114T221320Z");
  EXPECT_EQ(read(logs + ".before-20231114T221320Z/log"), "hello");
  EXPECT_FALSE(std::filesystem::exists(logs));
}

TEST(StoreSetAside, KeepsEveryFileAndReplacesNone) {
  TemporaryDirectory directory;
  const std::string path = directory.file("gantry.db");
  write(path, "broken");
  write(path + "-wal", "log");
  const Time when(std::chrono::seconds(1'700'000'000));
  auto aside = set_aside_store(path, when);
  ASSERT_TRUE(aside) << aside.error().message;
  EXPECT_EQ(*aside, path + ".corrupt-20231114T221320Z");
  EXPECT_EQ(read(*aside), "broken");
  EXPECT_EQ(read(*aside + "-wal"), "log");
  EXPECT_FALSE(std::filesystem::exists(path));
  write(path, "broken again");
  auto twice = set_aside_store(path, when);
  ASSERT_FALSE(twice);
  EXPECT_EQ(read(*aside), "broken");
  EXPECT_EQ(read(path), "broken again");
}

}  // namespace
}  // namespace gantry
