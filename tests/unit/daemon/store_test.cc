#include "daemon/store.h"

#include <gmock/gmock.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include <fstream>
#include <set>

#include "daemon/labels.h"
#include "daemon/node_json.h"
#include "tests/unit/daemon/queue_executor.h"
#include "tests/unit/daemon/temporary_directory.h"

namespace gantry {
namespace {

using engine::RunPhase;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

Time at(int seconds) { return Time(std::chrono::seconds(seconds)); }

StoreBatch::RunRow run_row(const std::string& name, int created, RunPhase phase = RunPhase::Running,
                           std::map<std::string, std::string> labels = {}) {
  StoreBatch::RunRow row;
  row.created = true;
  row.info = {.uid = "uid-" + name,
              .name_space = "argo",
              .name = name,
              .generate_name = "gen-",
              .labels = std::move(labels),
              .annotations = {{"note", "quoted \"é\""}},
              .spec_json = R"({"entrypoint":"main"})",
              .created = at(created)};
  row.status = {.phase = phase, .started = at(created + 1)};
  if (engine::is_ended(phase)) row.status.finished = at(created + 10);
  return row;
}

std::string raw_sql(const std::string& path, const std::string& sql) {
  sqlite3* db = nullptr;
  sqlite3_open(path.c_str(), &db);
  char* message = nullptr;
  sqlite3_exec(db, sql.c_str(), nullptr, nullptr, &message);
  std::string text = message == nullptr ? "" : message;
  sqlite3_free(message);
  sqlite3_close(db);
  return text;
}

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

class StoreTest : public ::testing::Test {
 protected:
  void SetUp() override { open(); }

  void open() {
    store_.reset();
    executor_.drain();
    auto store = Store::open(path_, executor_);
    ASSERT_TRUE(store) << store.error().message;
    store_ = std::move(*store);
  }

  template <class T, class Start>
  Result<T> await(Start start) {
    std::optional<Result<T>> answer;
    start([&](Result<T> result) { answer = std::move(result); });
    executor_.run_until([&] { return answer.has_value(); });
    return *answer;
  }
  Result<void> write(StoreBatch batch) {
    return await<void>([&](auto done) { store_->write(std::make_shared<const StoreBatch>(std::move(batch)), done); });
  }
  Store::Page list(api::ListQuery query) {
    return await<Store::Page>([&](auto done) { store_->list(query, done); }).value();
  }
  std::vector<StoredRun> load(const std::string& uid) {
    return await<std::vector<StoredRun>>([&](auto done) { store_->load(uid, done); }).value();
  }
  static std::vector<std::string> names(const Store::Page& page) {
    std::vector<std::string> names;
    for (const StoredRun& run : page.runs) names.push_back(run.info.name);
    return names;
  }

  TemporaryDirectory directory_;
  std::string path_ = directory_.file("gantry.db");
  QueueExecutor executor_;
  std::unique_ptr<Store> store_;
};

TEST_F(StoreTest, KeepsRunsAndNodesOverReopening) {
  StoreBatch batch;
  batch.runs.push_back(run_row("a", 1));
  engine::Node root{.id = "a", .name = "a", .phase = engine::Phase::Running, .children = {"a-1"}};
  engine::Node child{.id = "a-1", .name = "a.x", .has_pod = true, .start_intended = true};
  batch.nodes = {{"uid-a", "a", node_json(root)}, {"uid-a", "a-1", node_json(child)}};
  ASSERT_TRUE(write(batch));
  // An update keeps the place of the first node, and touches the status only.
  root.phase = engine::Phase::Failed;
  StoreBatch update;
  update.runs.push_back({.info = {.uid = "uid-a"},
                         .status = {.phase = RunPhase::Running,
                                    .message = "m",
                                    .started = at(2),
                                    .shutdown = engine::Shutdown::Stop}});
  update.nodes = {{"uid-a", "a", node_json(root)}};
  ASSERT_TRUE(write(update));

  open();
  auto runs =
      await<std::vector<StoredRun>>([&](auto done) { store_->load_unfinished(done); }).value();
  ASSERT_THAT(runs, SizeIs(1));
  EXPECT_EQ(runs[0].info.name, "a");
  EXPECT_EQ(runs[0].info.generate_name, "gen-");
  EXPECT_EQ(runs[0].info.annotations.at("note"), "quoted \"é\"");
  EXPECT_EQ(runs[0].info.created, at(1));
  EXPECT_EQ(runs[0].status.message, "m");
  EXPECT_EQ(runs[0].status.shutdown, engine::Shutdown::Stop);
  EXPECT_EQ(runs[0].status.finished, std::nullopt);
  ASSERT_THAT(runs[0].nodes, SizeIs(2));
  EXPECT_EQ(runs[0].nodes[0].phase, engine::Phase::Failed);
  EXPECT_THAT(runs[0].nodes[0].children, ElementsAre("a-1"));
  EXPECT_TRUE(runs[0].nodes[1].start_intended);
  EXPECT_TRUE(runs[0].nodes[1].has_pod);
}

TEST_F(StoreTest, EndedRunsAreNotLoadedAtStartAndDeletionTakesTheNodes) {
  StoreBatch batch;
  batch.runs = {run_row("a", 1, RunPhase::Succeeded), run_row("b", 2, RunPhase::Pending)};
  batch.nodes = {{"uid-a", "a", node_json({.id = "a", .name = "a"})}};
  ASSERT_TRUE(write(batch));
  auto runs =
      await<std::vector<StoredRun>>([&](auto done) { store_->load_unfinished(done); }).value();
  ASSERT_THAT(runs, SizeIs(1));
  EXPECT_EQ(runs[0].info.name, "b");
  ASSERT_TRUE(write({.deleted_runs = {"uid-a"}}));
  EXPECT_THAT(load("uid-a"), IsEmpty());
  StoreBatch again;  // the name is free again, and no node of the first one comes back
  again.runs = {run_row("a", 3)};
  ASSERT_TRUE(write(again));
  ASSERT_THAT(load("uid-a"), SizeIs(1));
  EXPECT_THAT(load("uid-a")[0].nodes, IsEmpty());
}

TEST_F(StoreTest, WritesQueuedTogetherAllArriveInOrderAndOneFailureTakesNobodyWithIt) {
  std::vector<std::string> answers;
  auto record = [&](std::string name) {
    return [&answers, name](Result<void> r) {
      answers.push_back(name + (r ? "" : ": " + r.error().message));
    };
  };
  for (const char* name : {"a", "b", "a", "c"}) {
    StoreBatch batch;
    batch.runs.push_back(run_row(name, 1));
    store_->write(std::make_shared<const StoreBatch>(batch), record(name));
  }
  executor_.run_until([&] { return answers.size() == 4; });
  EXPECT_THAT(answers, ElementsAre("a", "b", HasSubstr("UNIQUE"), "c"));
  EXPECT_THAT(list({}).runs, SizeIs(3));
}

TEST_F(StoreTest, DestructionCommitsWhatIsQueued) {
  for (int i = 0; i < 50; ++i) {
    StoreBatch batch;
    batch.runs.push_back(run_row("r" + std::to_string(i), i));
    store_->write(std::make_shared<const StoreBatch>(std::move(batch)), [](Result<void>) {});
  }
  open();
  EXPECT_THAT(list({}).runs, SizeIs(50));
}

TEST_F(StoreTest, PagesThroughAThousandRunsNewestFirst) {
  StoreBatch batch;
  for (int i = 0; i < 1000; ++i) batch.runs.push_back(run_row("r" + std::to_string(i), i / 3));
  ASSERT_TRUE(write(std::move(batch)));
  std::set<std::string> seen;
  api::ListQuery query{.limit = 64};
  Time last = at(1000);
  while (true) {
    Store::Page page = list(query);
    for (const StoredRun& run : page.runs) {
      EXPECT_LE(run.info.created, last);
      last = run.info.created;
      EXPECT_TRUE(seen.insert(run.info.name).second) << run.info.name << " came twice";
    }
    EXPECT_EQ(page.remaining, 1000 - seen.size());
    if (page.continue_token.empty()) break;
    // A run that is created between two pages does not shift them.
    if (seen.size() == 64) {
      StoreBatch newer;
      newer.runs = {run_row("newer", 2000)};
      ASSERT_TRUE(write(newer));
    }
    query.continue_token = page.continue_token;
  }
  EXPECT_EQ(seen.size(), 1000u);
  query.continue_token = "12-";
  auto wrong = await<Store::Page>([&](auto done) { store_->list(query, done); });
  EXPECT_EQ(wrong.error().code, Code::InvalidArgument);
}

TEST_F(StoreTest, ListsWhatIsAskedFor) {
  StoreBatch batch;
  const std::string cron = "workflows.argoproj.io/cron-workflow", tick = "a cron workflow with a long name";
  batch.runs = {run_row("build-1", 10, RunPhase::Succeeded, {{"team", "core"}, {cron, tick}}),
                run_row("build-2", 20, RunPhase::Failed, {{"team", "web"}}),
                run_row("test-build", 30, RunPhase::Running, {{"team", "core"}, {"x", ""}})};
  batch.runs[1].info.name_space = "other";
  ASSERT_TRUE(write(batch));
  using Op = api::LabelTerm::Operator;
  using Match = api::ListQuery::NameMatch;
  auto labelled = [](std::vector<api::LabelTerm> terms) {
    return api::ListQuery{.labels = std::move(terms)};
  };
  std::string phase(kPhaseLabel), completed(kCompletedLabel);
  struct Case {
    const char* what;
    api::ListQuery query;
    std::vector<std::string> names;
  };
  const Case cases[] = {
      {"all", {}, {"test-build", "build-2", "build-1"}},
      {"namespace", {.name_space = "argo"}, {"test-build", "build-1"}},
      {"contains", {.name_filter = "build"}, {"test-build", "build-2", "build-1"}},
      {"prefix", {.name_filter = "build", .name_match = Match::Prefix}, {"build-2", "build-1"}},
      {"exact", {.name_filter = "build-1", .name_match = Match::Exact}, {"build-1"}},
      {"no pattern", {.name_filter = "%"}, {}},
      {"created after", {.created_after = at(10)}, {"test-build", "build-2"}},
      {"finished before", {.finished_before = at(25)}, {"build-1"}},
      {"label", labelled({{"team", Op::In, {"core"}}}), {"test-build", "build-1"}},
      {"not in", labelled({{"team", Op::NotIn, {"core"}}}), {"build-2"}},
      {"long texts", {.name_space = "argo", .labels = {{cron, Op::In, {tick}}}}, {"build-1"}},
      {"exists", labelled({{"x", Op::Exists, {}}}), {"test-build"}},
      {"not exists", labelled({{"x", Op::NotExists, {}}}), {"build-2", "build-1"}},
      {"phases",
       labelled({{phase, Op::In, {"Failed", "Error", "Succeeded"}}}),
       {"build-2", "build-1"}},
      {"not phase", labelled({{phase, Op::NotIn, {"Failed"}}}), {"test-build", "build-1"}},
      {"running", labelled({{completed, Op::In, {"false"}}}), {"test-build"}},
      {"both", labelled({{completed, Op::In, {"true"}}, {"team", Op::In, {"web"}}}), {"build-2"}},
  };
  for (const Case& c : cases) EXPECT_EQ(names(list(c.query)), c.names) << c.what;
}

TEST_F(StoreTest, NodesComeOnlyWhenAsked) {
  StoreBatch batch;
  batch.runs = {run_row("a", 1)};
  batch.nodes = {{"uid-a", "a", node_json({.id = "a", .name = "a"})}};
  ASSERT_TRUE(write(batch));
  EXPECT_THAT(list({}).runs[0].nodes, IsEmpty());
  EXPECT_THAT(list({.with_nodes = true}).runs[0].nodes, SizeIs(1));
}

TEST_F(StoreTest, ObjectsKeepRawBytes) {
  auto put = [&](api::Object object, bool replace) {
    return await<void>([&](auto done) {
      store_->put_object(api::ObjectKind::Secret, std::move(object), replace, done);
    });
  };
  std::string bytes("\0\xff\n\"", 4);
  api::Object secret{.name_space = "argo",
                     .name = "s",
                     .data = {{"k", bytes}, {"empty", ""}},
                     .labels = {{"a", "b"}},
                     .created = at(5)};
  ASSERT_TRUE(put(secret, false));
  auto twice = put(secret, false);
  EXPECT_EQ(twice.error().code, Code::AlreadyExists);
  EXPECT_EQ(twice.error().message, "secrets \"s\" already exists");
  secret.data.erase("empty");
  ASSERT_TRUE(put(secret, true));
  ASSERT_TRUE(put({.name_space = "argo", .name = "no-keys"}, true));

  open();
  auto load = [&](api::ObjectKind kind) {
    return await<std::vector<api::Object>>([&](auto done) { store_->load_objects(kind, done); })
        .value();
  };
  auto objects = load(api::ObjectKind::Secret);
  ASSERT_THAT(objects, SizeIs(2));
  EXPECT_EQ(objects[0].name, "no-keys");
  EXPECT_EQ(objects[1].data, (std::map<std::string, std::string>{{"k", bytes}}));
  EXPECT_EQ(objects[1].labels.at("a"), "b");
  EXPECT_EQ(objects[1].created, at(5));
  EXPECT_THAT(load(api::ObjectKind::ConfigMap), IsEmpty());

  auto remove = [&] {
    return await<void>(
        [&](auto done) { store_->remove_object(api::ObjectKind::Secret, "argo", "s", done); });
  };
  EXPECT_TRUE(remove());
  EXPECT_EQ(remove().error().message, "secrets \"s\" not found");
  EXPECT_THAT(load(api::ObjectKind::Secret), SizeIs(1));
}

Resource resource(const std::string& name, std::int64_t version, const std::string& spec = "{}") {
  return {.kind = api::ResourceKind::CronWorkflow,
          .name_space = "argo",
          .name = name,
          .uid = "uid-" + name,
          .created = at(5),
          .version = version,
          .json = std::make_shared<const std::string>(
              R"({"metadata":{"labels":{"a":"b","n":"1"}},"spec":)" + spec + "}")};
}

TEST_F(StoreTest, Resources) {
  auto put = [&](Resource r, bool replace, std::optional<std::int64_t> expected = {}) {
    return await<void>([&](auto done) { store_->put_resource(r, replace, expected, done); });
  };
  auto load = [&] {
    return await<Store::Resources>([&](auto done) { store_->load_resources(done); }).value();
  };
  EXPECT_EQ(put(resource("c", 1), true).error().message,
            "cronworkflows.argoproj.io \"c\" not found");
  ASSERT_TRUE(put(resource("c", 2), false));
  EXPECT_EQ(put(resource("c", 3), false).error().message,
            "cronworkflows.argoproj.io \"c\" already exists");
  // The same name is free in another kind.
  Resource other = resource("c", 4);
  other.kind = api::ResourceKind::ClusterWorkflowTemplate;
  other.name_space = "";
  ASSERT_TRUE(put(other, false));

  // The status is written beside the object, neither touches the other.
  ASSERT_TRUE(write(
      {.statuses = {
           {.name_space = "argo", .name = "c", .uid = "uid-c", .version = 6, .status = "S"}}}));
  ASSERT_TRUE(put(resource("c", 5, R"({"x":1})"), true));
  // Of an object that has gone, or another one of its name, nothing is written.
  ASSERT_TRUE(write(
      {.statuses = {
           {.name_space = "argo", .name = "c", .uid = "uid-old", .version = 7, .status = "T"}}}));
  open();
  auto stored = load();
  ASSERT_THAT(stored.resources, SizeIs(2));
  const Resource& c = stored.resources[1];
  EXPECT_EQ(stored.resources[0].kind, api::ResourceKind::ClusterWorkflowTemplate);
  EXPECT_EQ(*c.json, R"({"metadata":{"labels":{"a":"b","n":"1"}},"spec":{"x":1}})");
  EXPECT_EQ(c.status, "S");
  EXPECT_EQ(c.version, 6);
  EXPECT_EQ(c.created, at(5));
  EXPECT_THAT(c.labels, ElementsAre(std::pair("a", "b"), std::pair("n", "1")));
  EXPECT_EQ(stored.version, 7) << "every version that was given counts";

  auto conflict = put(resource("c", 8), true, 5);
  EXPECT_EQ(conflict.error().code, Code::Aborted);
  EXPECT_THAT(conflict.error().message, HasSubstr("the object has been modified"));
  EXPECT_TRUE(put(resource("c", 9), true, 6));
  auto remove = [&](std::int64_t version) {
    return await<void>([&](auto done) {
      store_->remove_resource(api::ResourceKind::CronWorkflow, "argo", "c", version, done);
    });
  };
  EXPECT_TRUE(remove(10));
  EXPECT_EQ(remove(11).error().code, Code::NotFound);
  EXPECT_EQ(load().version, 10) << "a deleted object's version is not given again";
}

TEST_F(StoreTest, Summaries) {
  StoreBatch batch;
  batch.runs.push_back(run_row("a", 1, RunPhase::Failed));
  batch.runs.push_back(
      run_row("b", 2, RunPhase::Running, {{"workflows.argoproj.io/cron-workflow", "nightly"}}));
  batch.runs[0].origin = {.templates = "T", .ttl = R"({"secondsAfterCompletion":5})"};
  ASSERT_TRUE(write(std::move(batch)));
  auto runs =
      await<std::vector<RunSummary>>([&](auto done) { store_->load_summaries(false, done); }).value();
  ASSERT_THAT(runs, SizeIs(2));
  EXPECT_EQ(runs[0].uid, "uid-a");
  EXPECT_EQ(runs[0].phase, RunPhase::Failed);
  EXPECT_EQ(runs[0].finished, at(11));
  EXPECT_EQ(runs[0].ttl, R"({"secondsAfterCompletion":5})");
  EXPECT_EQ(runs[0].cron, "");
  EXPECT_EQ(runs[1].cron, "nightly");
  EXPECT_FALSE(runs[1].finished);
  EXPECT_EQ(load("uid-a").at(0).origin.templates, "T");
}

TEST_F(StoreTest, NobodyElseMayReadTheFile) {
  ASSERT_TRUE(write({.deleted_runs = {"none"}}));
  for (const char* suffix : {"", "-wal", "-shm"}) {
    struct stat info {};
    ASSERT_EQ(::stat((path_ + suffix).c_str(), &info), 0) << suffix;
    EXPECT_EQ(info.st_mode & 0777, 0600) << suffix;
  }
}

TEST_F(StoreTest, RefusesWhatItMustNotTouch) {
  store_.reset();
  struct Case {
    const char* what;
    std::function<void()> damage;
    Code code;
    std::string message;
  };
  const Case cases[] = {
      {"newer", [&] { raw_sql(path_, "PRAGMA user_version = 99"); }, Code::FailedPrecondition,
       "was written by a newer gantryd (schema 99, this one knows 5)"},
      {"foreign",
       [&] {
         std::filesystem::remove(path_);
         raw_sql(path_, "CREATE TABLE t (x)");
       },
       Code::FailedPrecondition, "not one of Gantry's"},
      {"no database", [&] { std::ofstream(path_, std::ios::binary) << std::string(4096, 'x'); },
       Code::DataLoss, "is damaged (file is not a database)"},
  };
  for (const Case& c : cases) {
    c.damage();
    std::string before = read_file(path_);
    auto store = Store::open(path_, executor_);
    ASSERT_FALSE(store) << c.what;
    EXPECT_EQ(store.error().code, c.code) << c.what;
    EXPECT_THAT(store.error().message, HasSubstr(c.message)) << c.what;
    EXPECT_THAT(store.error().message, HasSubstr(path_)) << c.what;
    EXPECT_EQ(read_file(path_), before) << c.what << ": the file was changed";
  }
}

TEST_F(StoreTest, RefusesADamagedPage) {
  StoreBatch batch;
  for (int i = 0; i < 200; ++i) batch.runs.push_back(run_row("r" + std::to_string(i), i));
  ASSERT_TRUE(write(std::move(batch)));
  store_.reset();  // the last connection checkpoints the WAL
  {
    std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(4096 + 8);
    file << std::string(3000, '\xee');
  }
  auto store = Store::open(path_, executor_);
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, Code::DataLoss);
  EXPECT_THAT(store.error().message, HasSubstr("restore it from a backup"));
}

TEST(StorePath, ADirectoryThatIsNotThereIsNamed) {
  QueueExecutor executor;
  auto store = Store::open("/nonexistent/gantry.db", executor);
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().message,
            "open the store /nonexistent/gantry.db: No such file or directory");
}

}  // namespace
}  // namespace gantry
