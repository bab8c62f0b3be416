// Stores of every schema that there was, with rows as the gantryd of that time wrote them, are read
// and written by today's.

#include <gmock/gmock.h>

#include <set>

#include "daemon/node_json.h"
#include "daemon/store_schema.h"
#include "tests/support/lossy_vfs.h"
#include "tests/unit/daemon/store_access.h"

namespace gantry {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr const char* kPath = "/gantry.db";

/// What schema N's daemon wrote, in its statements and its JSON.
const char* rows_of(std::int64_t version) {
  switch (version) {
    case 1:
      return R"sql(
INSERT INTO runs (uid, namespace, name, generate_name, phase, message, created, started, finished, shutdown, labels,
  annotations, spec_json) VALUES
  ('uid-live', 'argo', 'live', 'li-', 'Running', '', 1000, 2000, NULL, '', '{"team":"core"}', '{"note":"é"}',
   '{"entrypoint":"main"}'),
  ('uid-over', 'argo', 'over', '', 'Failed', 'child failed', 500, 600, 700, 'Stop', '{}', '{}', '{"entrypoint":"main"}');
INSERT INTO nodes (run_uid, node_id, json) VALUES
  ('uid-live', 'live', '{"children":["live-1"],"id":"live","name":"live","phase":"Running","startedAt":2000,"type":"Steps"}'),
  ('uid-live', 'live-1', '{"displayName":"a","exitCode":"0","finishedAt":2900,"id":"live-1","inputs":[["m","v"]],"name":"live[0].a","outputs":[["o","1"]],"phase":"Succeeded","pod":"live-a-1","result":"42","startIntended":true,"startedAt":2100,"templateName":"a","type":"Pod"}');
INSERT INTO objects (kind, namespace, name, labels, created) VALUES ('Secret', 'argo', 's', '{"a":"b"}', 5000);
INSERT INTO object_keys (kind, namespace, name, key, value) VALUES ('Secret', 'argo', 's', 'k', x'00ff');
)sql";
    case 2:
      return R"sql(
INSERT INTO runs (uid, namespace, name, generate_name, phase, message, created, started, finished, shutdown, labels,
  annotations, spec_json, templates, ttl) VALUES
  ('uid-two', 'argo', 'two', '', 'Succeeded', '', 3000, 3100, 3200, '',
   '{"workflows.argoproj.io/cron-workflow":"nightly"}', '{}', '{"entrypoint":"main"}', '{"namespaced/t":"{}"}',
   '{"secondsAfterCompletion":5}');
INSERT INTO resources (kind, namespace, name, uid, created, generation, version, json, status) VALUES
  ('CronWorkflow', 'argo', 'nightly', 'u1', 100, 1, 7, '{"metadata":{"labels":{"x":"y"}},"spec":{}}', '{"active":[]}');
INSERT INTO counters (name, value) VALUES ('resourceVersion', 9);
)sql";
    case 3:
      return R"sql(
INSERT INTO runs (uid, namespace, name, generate_name, phase, message, created, started, finished, shutdown, labels,
  annotations, spec_json, templates, ttl, suspended, outputs) VALUES
  ('uid-three', 'argo', 'three', '', 'Running', '', 4000, 4100, NULL, '', '{}', '{}', '{"entrypoint":"main"}', '', '', 1,
   '{"outputs":[["g","h"]]}');
INSERT INTO nodes (run_uid, node_id, json) VALUES
  ('uid-three', 'three', '{"daemoned":true,"id":"three","ip":"10.0.0.1","locked":true,"memoCache":"c","memoKey":"k","name":"three","phase":"Running","startedAt":4100,"templateRef":"t/x","templateScope":"namespaced/t","type":"Pod"}');
INSERT INTO memos (namespace, cache, key, node_id, outputs, created) VALUES
  ('argo', 'c', 'k', 'n', '{"outputs":[["p","q"]]}', 4200);
)sql";
    case 4:
      return R"sql(
INSERT INTO runs (uid, namespace, name, generate_name, phase, message, created, started, finished, shutdown, labels,
  annotations, spec_json, templates, ttl, suspended, outputs) VALUES
  ('uid-four', 'argo', 'four', '', 'Error', 'boom', 5000, 5100, 5200, 'Terminate', '{"team":"web"}', '{}',
   '{"entrypoint":"main"}', '', '', 0, '{}');
UPDATE runs SET retries = 2 WHERE uid = 'uid-four';
INSERT INTO nodes (run_uid, node_id, json) VALUES
  ('uid-four', 'four', '{"artifacts":[{"name":"x","raw":{"data":"d"}}],"exitCode":"3","id":"four","life":2,"name":"four","phase":"Error","progressDone":1,"progressTotal":4,"type":"Pod"}');
)sql";
    case 5:
      return R"sql(
INSERT INTO runs (uid, namespace, name, generate_name, phase, message, created, started, finished, shutdown, labels,
  annotations, spec_json, templates, ttl, suspended, outputs) VALUES
  ('uid-five', 'argo', 'five', '', 'Running', '', 6000, 6100, NULL, '', '{"team":"db"}', '{}', '{"entrypoint":"main"}',
   '', '', 0, '{}');
INSERT INTO run_labels (run_id, key, value, created)
  SELECT id, 'team', 'db', 6000 FROM runs WHERE uid = 'uid-five';
INSERT INTO events (run_id, at, node_id, reason, message)
  SELECT id, 6000, '', 'Submitted', 'by uid:0' FROM runs WHERE uid = 'uid-five';
)sql";
    default:
      return "";
  }
}

/// A store as the gantryd of schema `version` would have left it.
void make_old(const std::string& vfs, std::int64_t version) {
  auto database = Database::open(kPath, vfs);
  ASSERT_TRUE(database);
  ASSERT_TRUE(database->script("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL"));
  // As on a host that had every gantryd in its turn.
  for (std::int64_t each = 1; each <= version; ++each) {
    auto made = migrate(*database, each - 1, each);
    ASSERT_TRUE(made) << made.error().message;
    auto written = database->script(rows_of(each));
    ASSERT_TRUE(written) << each << ": " << written.error().message;
  }
}

void expect_rows(StoreAccess& store, std::int64_t version) {
  auto live = store.load("uid-live").value();
  ASSERT_THAT(live, SizeIs(1));
  EXPECT_EQ(live[0].damage, "");
  EXPECT_EQ(live[0].info.generate_name, "li-");
  EXPECT_EQ(live[0].info.annotations.at("note"), "é");
  EXPECT_EQ(live[0].origin.ttl, "");
  EXPECT_FALSE(live[0].status.suspended);
  EXPECT_EQ(live[0].status.retries, 0u);
  ASSERT_THAT(live[0].nodes, SizeIs(2));
  EXPECT_EQ(live[0].nodes[0].type, engine::NodeType::Steps);
  const engine::Node& step = live[0].nodes[1];
  EXPECT_EQ(step.outputs->result, "42");
  EXPECT_EQ(step.outputs->exit_code, "0");
  EXPECT_EQ(step.outputs->parameters.at(0).value, "1");
  EXPECT_EQ(step.inputs.parameters.at(0).name, "m");
  EXPECT_TRUE(step.start_intended);
  EXPECT_EQ(step.finished, Time(Duration(2900)));
  auto over = store.load("uid-over").value();
  ASSERT_THAT(over, SizeIs(1));
  EXPECT_EQ(over[0].status.shutdown, engine::Shutdown::Stop);
  EXPECT_EQ(over[0].status.finished, Time(Duration(700)));

  auto secrets = store.await<std::vector<api::Object>>(
      [&](auto done) { store.store().load_objects(api::ObjectKind::Secret, done); });
  ASSERT_THAT(secrets.value(), SizeIs(1));
  EXPECT_EQ(secrets->at(0).data.at("k"), std::string("\0\xff", 2));

  auto resources = store.await<Store::Resources>([&](auto done) { store.store().load_resources(done); }).value();
  auto memos = store.await<std::vector<engine::Memo>>([&](auto done) { store.store().load_memos(done); }).value();
  if (version >= 2) {
    EXPECT_EQ(store.load("uid-two").value().at(0).origin.ttl, R"({"secondsAfterCompletion":5})");
    ASSERT_THAT(resources.resources, SizeIs(1));
    EXPECT_EQ(resources.version, 9);
    EXPECT_EQ(resources.resources[0].status, R"({"active":[]})");
  } else {
    EXPECT_THAT(resources.resources, IsEmpty());
  }
  if (version >= 3) {
    auto three = store.load("uid-three").value();
    EXPECT_TRUE(three.at(0).status.suspended);
    EXPECT_EQ(three[0].status.outputs.parameters.at(0).value, "h");
    EXPECT_EQ(three[0].nodes.at(0).template_scope, "namespaced/t");
    EXPECT_TRUE(three[0].nodes[0].locked);
    ASSERT_THAT(memos, SizeIs(1));
    EXPECT_EQ(memos[0].outputs.parameters.at(0).value, "q");
  } else {
    EXPECT_THAT(memos, IsEmpty());
  }
  if (version >= 4) {
    auto four = store.load("uid-four").value();
    EXPECT_EQ(four.at(0).status.retries, 2u);
    EXPECT_EQ(four[0].nodes.at(0).life, 2u);
    EXPECT_EQ(four[0].nodes[0].progress_total, 4u);
    EXPECT_EQ(four[0].nodes[0].outputs->artifacts.at(0).name, "x");
  }
  // What later schemas look runs up by has the old ones.
  using Op = api::LabelTerm::Operator;
  EXPECT_THAT(store.names({.labels = {{"team", Op::In, {"core"}}}}), ElementsAre("live"));
}

/// Names and columns of all that there is, in an order of its own.
std::set<std::string> schema_of(const std::string& vfs) {
  auto database = Database::open(kPath, vfs).value();
  std::set<std::string> found;
  auto rows = database
                  .prepare("SELECT s.type || ' ' || s.name || ' ' || coalesce((SELECT group_concat(name || ' ' || type "
                           "|| ' ' || \"notnull\" || ' ' || coalesce(dflt_value, '')) FROM pragma_table_info(s.name)), "
                           "'') || coalesce(CASE WHEN s.type = 'index' THEN s.sql END, '') FROM sqlite_schema s")
                  .value();
  while (rows.step().value()) found.insert(rows.text(0));
  return found;
}

class Migration : public ::testing::TestWithParam<std::int64_t> {
 protected:
  testing::LossyVfs disk_{static_cast<std::uint64_t>(GetParam())};
};

TEST_P(Migration, EverythingIsReadAndWritten) {
  make_old(disk_.name(), GetParam());
  StoreAccess store(kPath, disk_.name());
  auto opened = store.open();
  ASSERT_TRUE(opened) << opened.error().message;
  expect_rows(store, GetParam());

  StoreBatch batch;
  batch.runs = {new_run("new", 9000, engine::RunPhase::Pending, {{"team", "core"}}),
                {.info = {.uid = "uid-live"}, .status = {.phase = engine::RunPhase::Succeeded, .retries = 1}}};
  batch.nodes = {{"uid-live", "live-2", node_json({.id = "live-2", .name = "live[1].b"})}};
  batch.deleted_runs = {"uid-over"};
  ASSERT_TRUE(store.write(std::move(batch)));
  ASSERT_TRUE(store.open());
  EXPECT_THAT(store.load("uid-live").value().at(0).nodes, SizeIs(3));
  EXPECT_THAT(store.load("uid-over").value(), IsEmpty());
  EXPECT_THAT(store.names({.labels = {{"team", api::LabelTerm::Operator::In, {"core"}}}}), ElementsAre("new", "live"));
  store.close();
  testing::LossyVfs fresh(1);
  StoreAccess other(kPath, fresh.name());
  ASSERT_TRUE(other.open());
  other.close();
  EXPECT_EQ(schema_of(disk_.name()), schema_of(fresh.name())) << "an old store and a new one differ";
}

TEST_P(Migration, APowerCutLeavesTheOldOrTheNewStore) {
  std::uint64_t point = 0;
  for (bool finished = false; !finished; ++point) {
    testing::LossyVfs disk(point);
    make_old(disk.name(), GetParam());
    StoreAccess store(kPath, disk.name());
    disk.die_after(point);
    finished = static_cast<bool>(store.open());
    store.close();
    disk.crash();
    {
      auto database = Database::open(kPath, disk.name()).value();
      const auto version = database.query_integer("PRAGMA user_version").value();
      ASSERT_TRUE(version == GetParam() || version == kNewestSchema) << point << ": " << version;
      ASSERT_EQ(database.query_text("PRAGMA integrity_check").value(), "ok") << point;
    }
    auto again = store.open();
    ASSERT_TRUE(again) << point << ": " << again.error().message;
    expect_rows(store, GetParam());
  }
  EXPECT_GT(point, GetParam() == kNewestSchema ? 0u : 5u);
}

TEST_P(Migration, ALabelThatCannotBeReadStopsNothing) {
  make_old(disk_.name(), GetParam());
  {
    auto database = Database::open(kPath, disk_.name()).value();
    ASSERT_TRUE(database.script("UPDATE runs SET labels = '{\"team\":' WHERE uid = 'uid-over'"));
  }
  StoreAccess store(kPath, disk_.name());
  auto opened = store.open();
  ASSERT_TRUE(opened) << opened.error().message;
  EXPECT_THAT(store.load("uid-over").value(), SizeIs(1));
  auto summaries =
      store.await<std::vector<RunSummary>>([&](auto done) { store.store().load_summaries(false, done); });
  EXPECT_TRUE(summaries) << summaries.error().message;
}

INSTANTIATE_TEST_SUITE_P(FromEverySchema, Migration, ::testing::Range<std::int64_t>(1, kNewestSchema + 1));

TEST(StoreSchema, ANewerStoreIsRefusedAndLeftAlone) {
  testing::LossyVfs disk(1);
  make_old(disk.name(), kNewestSchema);
  {
    auto database = Database::open(kPath, disk.name()).value();
    ASSERT_TRUE(database.script(("PRAGMA user_version = " + std::to_string(kNewestSchema + 1)).c_str()));
  }
  const std::string before = disk.contents(kPath);
  StoreAccess store(kPath, disk.name());
  auto opened = store.open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Code::FailedPrecondition);
  EXPECT_EQ(opened.error().message, "the store /gantry.db was written by a newer gantryd (schema " +
                                        std::to_string(kNewestSchema + 1) + ", this one knows " +
                                        std::to_string(kNewestSchema) + "): install that version again");
  EXPECT_EQ(disk.contents(kPath), before);
}

}  // namespace
}  // namespace gantry
