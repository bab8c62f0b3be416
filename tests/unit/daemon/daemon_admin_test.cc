// The daemon as its administrator sees it: draining, disks that are full, history, checks and copies.

#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <fstream>

#include "daemon/audit_log.h"
#include "daemon/disk_watch.h"
#include "daemon/store_check.h"
#include "tests/unit/daemon/daemon_fixture.h"

namespace gantry {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

std::string renamed(const std::string& name) {
  std::string text = kEcho;
  text.replace(text.find("echo, labels"), 4, name);
  return text;
}

class AdminTest : public DaemonTest {
 protected:
  Json drain(api::DrainMode mode = api::DrainMode::Finish) {
    return await<Json>([&](auto done) { backend_->drain(mode, {.uid = 1000, .pid = 5}, done); }).value();
  }
  std::vector<std::string> reasons(const std::string& name) {
    auto events = await<std::vector<Json>>([&](auto done) { backend_->events("argo", name, done); });
    std::vector<std::string> found;
    if (!events) return {events.error().message};
    for (const Json& event : *events) found.push_back(event["reason"]);
    return found;
  }
};

TEST_F(AdminTest, ADrainedDaemonTakesNothingNewAndFinishesWhatRuns) {
  ASSERT_TRUE(create(kEcho));
  Json status = drain();
  EXPECT_EQ(status["accepting"], false);
  EXPECT_EQ(status["drained"], false);
  EXPECT_EQ(status["degraded"], false);
  auto refused = create(renamed("late"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::Unavailable);
  EXPECT_EQ(refused.error().message,
            "gantryd takes no new workflows: it is being drained (by uid:1000); `gantry admin drain --resume` ends that");
  EXPECT_TRUE(create(renamed("checked"), {.dry_run = true})) << "what starts nothing goes on";

  const std::string pod = only_pod();
  exit(pod, 0);
  settle();
  EXPECT_EQ(phase("echo"), "Succeeded");
  EXPECT_EQ(backend_->status()["drained"], false) << "its pod is being cleared away";
  daemon_->on_removed(pod);
  settle();
  EXPECT_EQ(backend_->status()["drained"], true);
  auto retried = command("echo", {.verb = api::Verb::Retry, .restart_successful = true});
  EXPECT_THAT(retried.error().message, HasSubstr("is being drained"));

  (void)await<Json>([&](auto done) { backend_->resume({.uid = 1000, .pid = 5}, done); });
  EXPECT_EQ(backend_->status()["accepting"], true);
  EXPECT_TRUE(create(renamed("late")));
}

TEST_F(AdminTest, DrainingCanStopWhatRuns) {
  ASSERT_TRUE(create(kEcho));
  const std::string pod = only_pod();
  daemon_->on_started(pod, now_);
  settle();
  drain(api::DrainMode::Terminate);
  settle();
  EXPECT_THAT(runtime_.calls, Contains(StartsWith("signal " + pod)));
  EXPECT_THAT(reasons("echo"), Contains("Terminated"));
}

TEST_F(AdminTest, WhatHappenedToAWorkflowAndWhoDidIt) {
  ASSERT_TRUE(create(kEcho, {.caller = {.uid = 1000, .pid = 7}}));
  now_ += std::chrono::seconds(1);
  (void)command("echo", {.verb = api::Verb::Suspend, .caller = {.uid = 7, .pid = 1}});
  now_ += std::chrono::seconds(1);
  start();
  now_ += std::chrono::milliseconds(1500);
  exit(only_pod(), 3);
  settle();
  auto events = await<std::vector<Json>>([&](auto done) { backend_->events("argo", "echo", done); }).value();
  std::vector<std::string> lines;
  for (const Json& event : events) {
    lines.push_back(event["time"].get<std::string>() + " " + event.value("node", "") + " " +
                    event["reason"].get<std::string>() + " " + event["message"].get<std::string>());
  }
  EXPECT_THAT(lines, Contains("2023-11-14T22:13:20.000Z  Submitted by uid:1000"));
  EXPECT_THAT(lines, Contains("2023-11-14T22:13:21.000Z  Suspended by uid:7"));
  EXPECT_THAT(lines, Contains("2023-11-14T22:13:22.000Z  Recovered taken up after a restart of gantryd"));
  EXPECT_THAT(lines, Contains(HasSubstr("2023-11-14T22:13:23.500Z echo Failed main: Error (exit code 3)")));
}

TEST_F(AdminTest, ARetryKeepsTheHistoryOfWhatItTakesBack) {
  ASSERT_TRUE(create(kEcho));
  exit(only_pod(), 1);
  settle();
  daemon_->on_removed(only_pod());
  settle();
  auto retried = command("echo", {.verb = api::Verb::Retry, .caller = {.uid = 9, .pid = 1}});
  ASSERT_TRUE(retried) << retried.error().message;
  settle();
  const auto found = reasons("echo");
  EXPECT_THAT(found, Contains("Retried"));
  EXPECT_THAT(found, Contains("Failed")) << "the attempt that was taken back";
}

TEST_F(AdminTest, WithoutContainerdWorkflowsAreTakenAndItSaysThatSomethingIsWrong) {
  daemon_->on_connected(false);
  EXPECT_THAT(backend_->health(), HasSubstr("no connection to containerd"));
  EXPECT_EQ(backend_->status()["degraded"], true);
  EXPECT_EQ(backend_->status()["accepting"], true);
  EXPECT_TRUE(create(kEcho));
  daemon_->on_connected(true);
  EXPECT_EQ(backend_->health(), "");
  EXPECT_EQ(backend_->status()["degraded"], false);
}

TEST_F(AdminTest, AFullDiskRefusesWorkflowsWithItsReason) {
  const auto trouble = look_at_disk(directory_.path(), {.bytes = std::int64_t{1} << 60});
  ASSERT_TRUE(trouble);
  EXPECT_THAT(*trouble, HasSubstr("less than disk.reserve_bytes"));
  EXPECT_THAT(look_at_disk(directory_.path(), {.bytes = 0, .inodes = std::int64_t{1} << 60}).value_or(""),
              HasSubstr("less than disk.reserve_inodes"));
  EXPECT_EQ(look_at_disk(directory_.path(), {.bytes = 0, .inodes = 0}), std::nullopt);
  EXPECT_THAT(look_at_disk("/nonexistent/x", {}).value_or(""), HasSubstr("does not answer: No such file"));

  daemon_->admission().disk_trouble(trouble);
  auto refused = create(kEcho);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::Unavailable);
  EXPECT_THAT(refused.error().message, HasSubstr(*trouble));
  EXPECT_EQ(backend_->health(), *trouble);
  EXPECT_EQ(backend_->status()["degraded"], true);
  daemon_->admission().disk_trouble(std::nullopt);
  EXPECT_EQ(backend_->health(), "");
  EXPECT_TRUE(create(kEcho));

  daemon_->admission().store_damage("the store is damaged");
  daemon_->admission().store_trouble("the store cannot write");
  daemon_->admission().store_trouble(std::nullopt);
  EXPECT_EQ(backend_->health(), "the store is damaged") << "a write that succeeds does not mend it";
}

TEST_F(AdminTest, TheOldestGoFirstWhenThereAreTooMany) {
  settings_.history = {.max_workflows = 2};
  start();
  for (int i = 0; i < 4; ++i) {
    now_ += std::chrono::seconds(1);
    ASSERT_TRUE(create(renamed("w" + std::to_string(i))));
    for (const auto& [pod, spec] : std::exchange(runtime_.pods, {})) {
      if (i < 3) exit(pod, 0);
    }
    settle();
  }
  start();  // it looks when it starts, and every minute
  auto deleted = [&](const std::string& name) {
    return run_until([&] { return std::find(log_.begin(), log_.end(), "deleted workflow argo/" + name) != log_.end(); });
  };
  EXPECT_TRUE(deleted("w0"));
  EXPECT_THAT(phase("w0"), HasSubstr("not found"));
  EXPECT_EQ(phase("w1"), "Succeeded");
  EXPECT_EQ(phase("w2"), "Succeeded");
  EXPECT_EQ(phase("w3"), "Running") << "what runs is no history";
  now_ += std::chrono::hours(2);
  settings_.history = {.max_age = std::chrono::hours(1)};
  start();
  EXPECT_TRUE(deleted("w1") && deleted("w2"));
  EXPECT_THAT(phase("w1"), HasSubstr("not found"));
  EXPECT_THAT(phase("w2"), HasSubstr("not found"));
  EXPECT_EQ(phase("w3"), "Running");
}

TEST_F(AdminTest, ABackupIsAWholeStoreAndNobodyElses) {
  settings_.spool_directory = directory_.path();
  start();
  ASSERT_TRUE(create(kEcho));
  auto file = await<std::shared_ptr<api::ArtifactFile>>([&](auto done) { backend_->backup(done); });
  ASSERT_TRUE(file) << file.error().message;
  struct stat info {};
  ASSERT_EQ(::fstat((*file)->content.get(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600);
  executor_.drain();
  // The worker has taken its name away; what the client reads is the open file.
  const std::string copy = directory_.file("copy.db");
  std::filesystem::copy_file("/proc/self/fd/" + std::to_string((*file)->content.get()), copy);
  auto report = check_store_file(copy);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_THAT(report->problems, IsEmpty());
  EXPECT_EQ(report->runs, 1);
  EXPECT_EQ(report->nodes, 1);
  for (const auto& entry : std::filesystem::directory_iterator(directory_.path())) {
    EXPECT_THAT(entry.path().filename().string(), ::testing::Not(StartsWith("backup-")));
  }
}

TEST_F(AdminTest, ACheckNamesTheWorkflowThatIsDamaged) {
  ASSERT_TRUE(create(kEcho));
  ASSERT_TRUE(create(renamed("other")));
  auto check = [&] {
    auto stream = std::make_shared<FakeStream>();
    backend_->check_store(stream);
    run_until([&] { return stream->ended; });
    return stream->sent.at(0);
  };
  Json sound = check();
  EXPECT_EQ(sound["ok"], true) << sound.dump();
  EXPECT_EQ(sound["workflows"], 2);
  {
    auto database = Database::open(directory_.file("gantry.db")).value();
    ASSERT_TRUE(database.script("UPDATE nodes SET json = '{' WHERE node_id = 'other';"
                                "UPDATE runs SET spec_json = '[' WHERE name = 'echo';"
                                "INSERT INTO nodes (run_uid, node_id, json) VALUES ('nobody', 'n', '{}')"));
  }
  Json damaged = check();
  EXPECT_EQ(damaged["ok"], false);
  const std::string problems = damaged["problems"].dump();
  EXPECT_THAT(problems, HasSubstr("workflow argo/other: a stored node is damaged"));
  EXPECT_THAT(problems, HasSubstr("workflow argo/echo: its spec_json is no JSON"));
  EXPECT_THAT(problems, HasSubstr("of nodes belongs to nothing in runs"));
}

TEST(AuditLog, LinesAreAppendedRotatedAndRead) {
  TemporaryDirectory directory;
  QueueExecutor executor;
  std::vector<std::string> said;
  AuditLog log({.file = directory.file("audit.log"), .max_size = 700}, executor,
               [&](const std::string& text) { said.push_back(text); });
  for (int i = 0; i < 7; ++i) {
    log.write({.at = Time(Duration(i)),
               .caller = {.uid = 1000, .gid = 100, .pid = 5},
               .method = "PUT",
               .path = "/api/v1/workflows/argo/w" + std::to_string(i) + "/stop",
               .status = 200});
    if (i == 0) {
      // Whoever rotates the file needs to tell nobody.
      executor.drain();
      std::filesystem::rename(directory.file("audit.log"), directory.file("elsewhere"));
    }
    executor.drain();
  }
  auto read = [&](std::size_t lines) {
    std::optional<std::vector<Json>> found;
    log.read(lines, [&](Result<std::vector<Json>> result) { found = std::move(*result); });
    executor.drain();
    return *found;
  };
  auto last = read(4);
  ASSERT_THAT(last, SizeIs(4)) << "of both files";
  EXPECT_EQ(last[0]["path"], "/api/v1/workflows/argo/w3/stop");
  EXPECT_EQ(last[3]["path"], "/api/v1/workflows/argo/w6/stop");
  EXPECT_EQ(last[3]["uid"], 1000);
  EXPECT_EQ(last[3]["time"], "1970-01-01T00:00:00.006Z");
  EXPECT_TRUE(std::filesystem::exists(directory.file("audit.log.1")));
  EXPECT_LE(std::filesystem::file_size(directory.file("audit.log")), 700u);
  EXPECT_THAT(said, IsEmpty());

  AuditLog endless({.file = directory.file("endless"), .max_size = 0}, executor, nullptr);
  for (int i = 0; i < 3; ++i) {
    endless.write({.method = "PUT", .path = "/x"});
    executor.drain();
  }
  EXPECT_FALSE(std::filesystem::exists(directory.file("endless.1")));

  std::filesystem::remove(directory.file("audit.log"));
  std::filesystem::create_directory(directory.file("audit.log"));
  log.write({.method = "PUT", .path = "/x"});
  executor.drain();
  log.write({.method = "PUT", .path = "/y"});
  executor.drain();
  ASSERT_THAT(said, SizeIs(1)) << "once, not for each line";
  EXPECT_THAT(said[0], HasSubstr("audit.log"));
}

/// A file that takes so many bytes only, for this process.
struct FileSizeLimit {
  explicit FileSizeLimit(rlim_t bytes) {
    ::getrlimit(RLIMIT_FSIZE, &before);
    const rlimit limit{bytes, before.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    handler = std::signal(SIGXFSZ, SIG_IGN);
  }
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &before);
    std::signal(SIGXFSZ, handler);
  }
  rlimit before{};
  void (*handler)(int);
};

TEST(AuditLog, ALineThatDidNotFitTakesNoOtherWithIt) {
  TemporaryDirectory directory;
  QueueExecutor executor;
  std::vector<std::string> said;
  AuditLog log({.file = directory.file("audit.log")}, executor, [&](const std::string& text) { said.push_back(text); });
  auto write = [&](const std::string& path) {
    log.write({.method = "PUT", .path = path});
    executor.drain();
  };
  write("/one");
  {
    FileSizeLimit limit(std::filesystem::file_size(directory.file("audit.log")) + 20);
    write("/two");
  }
  write("/three");
  EXPECT_THAT(said, ElementsAre(HasSubstr("what is done is not recorded"), "the audit log is written again"));
  std::ifstream in(directory.file("audit.log"));
  std::vector<std::string> paths;
  for (std::string line; std::getline(in, line);) paths.push_back(Json::parse(line).at("path"));
  EXPECT_THAT(paths, ElementsAre("/one", "/three"));
}

}  // namespace
}  // namespace gantry
