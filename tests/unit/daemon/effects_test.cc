// What happens when the store cannot write: nothing is started, nothing is lost, submitters are
// told.

#include "daemon/effects.h"

#include <gmock/gmock.h>
#include <sqlite3.h>

#include "tests/unit/daemon/queue_executor.h"
#include "tests/unit/daemon/temporary_directory.h"
#include "workflow/parse.h"

namespace gantry {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class NullRuntime : public runtime::Runtime {
 public:
  void prepare(runtime::PodSpec pod) override { calls.push_back("prepare " + pod.id); }
  void start(const std::string& pod) override { calls.push_back("start " + pod); }
  void signal(const std::string&, int, bool) override {}
  void adopt(runtime::PodSpec) override {}
  void remove(const std::string& pod) override { calls.push_back("remove " + pod); }
  void remove_claims(const std::string&) override {}
  std::vector<std::string> calls;
};

workflow::PlanPtr plan() {
  workflow::Diagnostics diagnostics;
  auto compiled = workflow::compile_workflows(
      R"({"apiVersion":"argoproj.io/v1alpha1","kind":"Workflow","metadata":{"name":"w"},"spec":
         {"entrypoint":"m","templates":[{"name":"m","container":{"image":"i","command":["c"]}}]}})",
      workflow::Format::Json, {}, diagnostics);
  EXPECT_FALSE(diagnostics.has_errors());
  return compiled.at(0).plan;
}

class EffectsTest : public ::testing::Test {
 protected:
  EffectsTest()
      : store_(std::move(*Store::open(path_, executor_))),
        effects_(engine_, *store_, objects_, {}, "me", executor_,
                 {.now = [] { return Time(std::chrono::seconds(1)); },
                  .log = [this](const std::string& text) { log_.push_back(text); }}) {
    effects_.set_runtime(runtime_);
  }
  ~EffectsTest() override { sqlite3_close(rival_); }

  /// Another connection that holds the write lock: every transaction of the store fails.
  void block() {
    ASSERT_EQ(sqlite3_open(path_.c_str(), &rival_), SQLITE_OK);
    ASSERT_EQ(sqlite3_exec(rival_,
                           "CREATE TRIGGER no BEFORE INSERT ON runs BEGIN SELECT RAISE(ABORT, "
                           "'disk full'); END; CREATE TRIGGER no2 BEFORE UPDATE ON nodes BEGIN "
                           "SELECT RAISE(ABORT, 'disk full'); END;",
                           nullptr, nullptr, nullptr),
              SQLITE_OK);
  }
  void unblock() {
    ASSERT_EQ(sqlite3_exec(rival_, "DROP TRIGGER no; DROP TRIGGER no2", nullptr, nullptr, nullptr),
              SQLITE_OK);
  }
  void submit(const std::string& name) {
    effects_.submit(
        "uid-" + name,
        engine_.submit(
            {.uid = "uid-" + name, .name_space = "argo", .name = name, .spec_json = "{}"}, plan(),
            Time{}),
        {}, [this, name](const Result<void>& r) {
          answers_.push_back(name + (r ? " stored" : ": " + r.error().message));
        });
  }
  bool run_until(const std::function<bool()>& true_now) {
    effects_.end_turn();
    while (!true_now()) {
      if (!executor_.run_one()) return false;
      effects_.end_turn();
    }
    return true;
  }
  std::vector<StoredRun> stored() {
    std::optional<std::vector<StoredRun>> runs;
    store_->load_unfinished([&](auto result) { runs = std::move(*result); });
    executor_.run_until([&] { return runs.has_value(); });
    return *runs;
  }

  TemporaryDirectory directory_;
  std::string path_ = directory_.file("db");
  QueueExecutor executor_;
  std::unique_ptr<Store> store_;
  engine::Engine engine_{{}};
  Objects objects_;
  NullRuntime runtime_;
  std::vector<std::string> log_, answers_;
  Effects effects_;
  sqlite3* rival_ = nullptr;
};

TEST_F(EffectsTest, OneTransactionForAllThatATurnBrings) {
  for (const char* name : {"a", "b", "c"}) submit(name);
  std::uint64_t before = effects_.gathering();
  run_until([&] { return answers_.size() == 3; });
  EXPECT_EQ(effects_.committed(), before);
  EXPECT_THAT(answers_, ElementsAre("a stored", "b stored", "c stored"));
  EXPECT_THAT(stored(), SizeIs(3));
}

TEST_F(EffectsTest, ARunThatCannotBeStoredIsGivenUp) {
  block();
  submit("a");
  run_until([&] { return !answers_.empty(); });
  EXPECT_THAT(answers_, ElementsAre(HasSubstr("a: the workflow was not accepted: ")));
  EXPECT_THAT(log_, ElementsAre(HasSubstr("disk full; trying again")));
  EXPECT_EQ(engine_.find_uid("uid-a"), nullptr);
  ASSERT_THAT(executor_.timers, SizeIs(1));
  executor_.fire_timers();
  run_until([&] { return effects_.idle(); });
  // It was prepared, never started, and is cleared away.
  ASSERT_THAT(runtime_.calls, SizeIs(2));
  EXPECT_THAT(runtime_.calls[0], HasSubstr("prepare"));
  EXPECT_THAT(runtime_.calls[1], HasSubstr("remove"));
  unblock();
  submit("a");
  run_until([&] { return answers_.size() == 2; });
  EXPECT_EQ(answers_[1], "a stored");
}

TEST_F(EffectsTest, NewsOfARunWaitUntilTheStoreCanWriteAgain) {
  submit("a");
  run_until([&] { return answers_.size() == 1; });
  const engine::Run& run = *engine_.find_uid("uid-a");
  const std::string pod = engine::pod_id(run.info, run.nodes[0]);
  runtime_.calls.clear();
  block();
  runtime::PodExit exit;
  exit.containers["main"] = {};
  effects_.apply(engine_.pod_exited(pod, exit, Time{}));
  run_until([&] { return !executor_.timers.empty(); });
  EXPECT_THAT(runtime_.calls, IsEmpty())
      << "an ended pod is removed only once its result is stored";
  submit("b");
  executor_.fire_timers();
  run_until([&] { return !executor_.timers.empty(); });
  EXPECT_THAT(answers_[1], HasSubstr("b: the workflow was not accepted"));
  unblock();
  executor_.fire_timers();
  run_until([&] { return effects_.idle(); });
  EXPECT_THAT(runtime_.calls, testing::Contains("remove " + pod));
  EXPECT_THAT(stored(), IsEmpty()) << "the end of the run is stored";
}

TEST_F(EffectsTest, WhatIsGatheredWhileTheStoreCannotWriteIsKept) {
  submit("a");
  run_until([&] { return answers_.size() == 1; });
  block();
  effects_.apply(engine_.shut_down("uid-a", engine::Shutdown::Terminate, Time{}).value());
  effects_.end_turn();  // its transaction is under way, and will fail; this is for the next one
  engine::Output output;
  output.memos.push_back({.name_space = "argo", .cache = "c", .key = "k", .node_id = "n"});
  effects_.apply(std::move(output));
  effects_.record({.run_uid = "uid-a", .reason = "Terminated", .message = "by uid:0"});
  bool read = false;
  effects_.after_news([&] { read = true; });
  run_until([&] { return effects_.trouble().has_value(); });
  EXPECT_TRUE(read) << "who only reads does not wait for the disk";
  EXPECT_THAT(effects_.trouble()->message, HasSubstr("disk full"));
  EXPECT_THAT(log_, SizeIs(1));
  executor_.fire_timers();
  run_until([&] { return !executor_.timers.empty(); });
  EXPECT_THAT(log_, SizeIs(1)) << "not every second again";
  unblock();
  executor_.fire_timers();
  run_until([&] { return effects_.idle(); });
  EXPECT_FALSE(effects_.trouble());
  EXPECT_EQ(log_.back(), "the store can write again");
  std::optional<Result<std::vector<engine::Memo>>> memos;
  store_->load_memos([&](auto found) { memos = std::move(found); });
  std::optional<Result<std::vector<RunEvent>>> events;
  store_->load_events("uid-a", [&](auto found) { events = std::move(found); });
  executor_.run_until([&] { return memos && events; });
  EXPECT_THAT(memos->value(), SizeIs(1));
  ASSERT_FALSE(events->value().empty());
  EXPECT_THAT(events->value(), ::testing::Contains(::testing::Field(&RunEvent::reason, "Terminated")));
}

TEST_F(EffectsTest, AfterCommitWaitsForWhatWasGathered) {
  bool called = false;
  effects_.after_commit([&] { called = true; });
  EXPECT_TRUE(called) << "nothing to wait for";
  called = false;
  submit("a");
  effects_.after_commit([&] { called = true; });
  EXPECT_FALSE(called);
  run_until([&] { return called; });
  EXPECT_THAT(stored(), SizeIs(1));
}

}  // namespace
}  // namespace gantry
