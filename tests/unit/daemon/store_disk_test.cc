// A disk that fails under the store: what was acknowledged stays, what failed is told, and the store
// goes on when the disk does.

#include <gmock/gmock.h>
#include <sqlite3.h>

#include <random>
#include <set>

#include "daemon/node_json.h"
#include "tests/support/lossy_vfs.h"
#include "tests/unit/daemon/store_access.h"

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

}  // namespace
}  // namespace gantry
