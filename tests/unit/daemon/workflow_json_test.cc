#include "daemon/workflow_json.h"

#include <gmock/gmock.h>

#include "daemon/node_json.h"
#include "daemon/progress.h"

namespace gantry {
namespace {

using api::Json;
using engine::Node;
using engine::NodeType;
using engine::Phase;

void expect_json(const Json& actual, const char* expected) {
  EXPECT_EQ(actual, Json::parse(expected));
}

Time at(int seconds) { return Time(std::chrono::seconds(seconds)); }

/// The tree of Argo's examples/exit-handlers.yaml: a failed pod, and an exit handler of steps.
StoredRun exit_handlers() {
  StoredRun run;
  run.info = {.uid = "u",
              .name_space = "argo",
              .name = "wf",
              .generate_name = "w-",
              .labels = {{"a", "b"}},
              .spec_json = R"({"entrypoint":"main"})",
              .created = at(0)};
  run.status = {.phase = engine::RunPhase::Failed,
                .message = "main: Error (exit code 1)",
                .started = at(1),
                .finished = at(9)};
  run.nodes = {
      {.id = "wf",
       .name = "wf",
       .display_name = "wf",
       .template_name = "main",
       .phase = Phase::Failed,
       .message = "main: Error (exit code 1)",
       .started = at(1),
       .finished = at(2),
       .outputs = engine::NodeOutputs{.exit_code = "1"}},
      {.id = "wf-1",
       .name = "wf.onExit",
       .display_name = "wf.onExit",
       .type = NodeType::Steps,
       .template_name = "exit",
       .phase = Phase::Succeeded,
       .children = {"wf-2"},
       .outbound_nodes = {"wf-3", "wf-4"},
       .hooked = true},
      {.id = "wf-2",
       .name = "wf.onExit[0]",
       .display_name = "[0]",
       .type = NodeType::StepGroup,
       .template_name = "exit",
       .phase = Phase::Succeeded,
       .boundary_id = "wf-1",
       .children = {"wf-3", "wf-4"}},
      {.id = "wf-3",
       .name = "wf.onExit[0].a",
       .template_name = "say",
       .phase = Phase::Succeeded,
       .boundary_id = "wf-1",
       .inputs = {.parameters = {{"m", "1"}},
                  .artifacts = {{.name = "a", .path = "/a", .location = R"({"s3":{"key":"k"}})"}}},
       .outputs = engine::NodeOutputs{.parameters = {{"o", "v"}},
                   .artifacts = {{.name = "log", .location = R"({"s3":{"key":"l"}})", .archive = R"({"none":{}})"}},
                   .result = "r", .exit_code = "0"}},
      {.id = "wf-4",
       .name = "wf.onExit[0].b",
       .type = NodeType::Skipped,
       .template_name = "say",
       .phase = Phase::Skipped,
       .boundary_id = "wf-1"},
  };
  return run;
}

TEST(WorkflowJson, HasArgosShape) {
  Json json = workflow_json(exit_handlers());
  expect_json(json["metadata"], R"({
    "name": "wf", "generateName": "w-", "namespace": "argo", "uid": "u",
    "creationTimestamp": null,
    "labels": {"a": "b", "workflows.argoproj.io/completed": "true",
               "workflows.argoproj.io/phase": "Failed"}})");
  expect_json(json["spec"], R"({"entrypoint": "main"})");
  Json& status = json["status"];
  Json nodes = status["nodes"];
  status.erase("nodes");
  expect_json(status, R"json({
    "phase": "Failed", "message": "main: Error (exit code 1)", "progress": "1/2",
    "startedAt": "1970-01-01T00:00:01Z", "finishedAt": "1970-01-01T00:00:09Z",
    "conditions": [{"type": "PodRunning", "status": "False"},
                   {"type": "Completed", "status": "True"}]})json");
  expect_json(nodes["wf"], R"json({
    "id": "wf", "name": "wf", "displayName": "wf", "type": "Pod", "templateName": "main",
    "templateScope": "local/wf", "phase": "Failed", "message": "main: Error (exit code 1)",
    "startedAt": "1970-01-01T00:00:01Z", "finishedAt": "1970-01-01T00:00:02Z",
    "progress": "0/1", "outputs": {"exitCode": "1"}})json");
  expect_json(nodes["wf-1"]["nodeFlag"], R"({"hooked": true})");
  EXPECT_EQ(nodes["wf-1"]["progress"], "1/1");
  expect_json(nodes["wf-1"]["outboundNodes"], R"(["wf-3", "wf-4"])");
  expect_json(nodes["wf-2"], R"({
    "id": "wf-2", "name": "wf.onExit[0]", "displayName": "[0]", "type": "StepGroup",
    "templateScope": "local/wf", "phase": "Succeeded", "boundaryID": "wf-1", "startedAt": null,
    "finishedAt": null, "progress": "1/1", "children": ["wf-3", "wf-4"]})");
  expect_json(nodes["wf-3"]["inputs"], R"({"parameters": [{"name": "m", "value": "1"}],
      "artifacts": [{"name": "a", "path": "/a", "s3": {"key": "k"}}]})");
  expect_json(nodes["wf-3"]["outputs"], R"({
    "parameters": [{"name": "o", "value": "v"}], "result": "r", "exitCode": "0",
    "artifacts": [{"name": "log", "archive": {"none": {}}, "s3": {"key": "l"}}]})");
  EXPECT_FALSE(nodes["wf-4"].contains("progress"));
}

TEST(WorkflowJson, ArtifactsMayHoldAnyBytes) {
  const auto list = artifacts_json({{.name = "a", .location = "{\"raw\":{\"data\":\"x\xff\"}}"}});
  EXPECT_EQ(list.dump(), "[{\"name\":\"a\",\"raw\":{\"data\":\"x\xEF\xBF\xBD\"}}]");
}

TEST(WorkflowJson, LiveAndStoredAreTheSame) {
  StoredRun stored = exit_handlers();
  engine::Run live{.info = stored.info, .status = stored.status};
  for (const Node& node : stored.nodes) live.nodes.push_back(node);
  EXPECT_EQ(workflow_json(live), workflow_json(stored));
  Json listed = workflow_json(live, false);
  EXPECT_FALSE(listed["status"].contains("nodes"));
  EXPECT_EQ(listed["status"]["progress"], "1/2");
}

TEST(WorkflowJson, APartOfTheNodes) {
  const StoredRun run = exit_handlers();
  const Json whole = workflow_json(run);
  Json nodes = Json::object();
  for (std::size_t i = 0; i < run.nodes.size(); ++i) {
    const Json page = workflow_document(run, {.first = i, .limit = 1}).whole();
    nodes.update(page["status"]["nodes"]);
    EXPECT_EQ(page["status"]["nodes"].size(), 1u);
    EXPECT_EQ(page["status"]["progress"], whole["status"]["progress"]);
    const std::size_t left = run.nodes.size() - i - 1;
    EXPECT_EQ(page["metadata"].value("continue", ""), left == 0 ? "" : std::to_string(i + 1));
    EXPECT_EQ(page["metadata"].value("remainingItemCount", std::size_t{0}), left);
  }
  EXPECT_EQ(nodes, whole["status"]["nodes"]);
  EXPECT_EQ(workflow_document(run).whole(), whole);
  EXPECT_FALSE(workflow_document(run, {.left_out = true}).whole()["status"].contains("nodes"));
  EXPECT_EQ(workflow_document(run, {.left_out = true}).whole()["status"]["progress"], whole["status"]["progress"]);
  EXPECT_FALSE(workflow_document(run, {.first = 1000, .limit = 1}).whole()["status"].contains("nodes"));
}

TEST(WorkflowJson, ARunningRun) {
  StoredRun run = exit_handlers();
  run.info.created = at(60);
  run.status = {.phase = engine::RunPhase::Running, .shutdown = engine::Shutdown::Stop};
  run.nodes[0].phase = Phase::Running;
  Json json = workflow_json(run);
  EXPECT_EQ(json["metadata"]["creationTimestamp"], "1970-01-01T00:01:00Z");
  EXPECT_EQ(json["metadata"]["labels"]["workflows.argoproj.io/completed"], "false");
  EXPECT_EQ(json["spec"]["shutdown"], "Stop");
  EXPECT_EQ(json["status"]["finishedAt"], nullptr);
  expect_json(json["status"]["conditions"], R"([{"type": "PodRunning", "status": "True"}])");
}

TEST(WorkflowJson, ACheckedObjectHasNoStatus) {
  Json json = workflow_json(exit_handlers().info);
  EXPECT_FALSE(json.contains("status"));
  expect_json(json["metadata"]["labels"], R"({"a": "b"})");
}

TEST(ProgressCount, EachPodOnceThroughJoinsGroupsAndRetries) {
  // A DAG a → (b, c) → d, where d is a Retry of two attempts; a pod's own successors do not count
  // for it.
  std::vector<Node> nodes{
      {.id = "w", .type = NodeType::Dag, .children = {"a"}},
      {.id = "a", .phase = Phase::Succeeded, .children = {"b", "c"}},
      {.id = "b", .phase = Phase::Succeeded, .children = {"d"}},
      {.id = "c", .phase = Phase::Omitted, .children = {"d"}},
      {.id = "d", .type = NodeType::Retry, .children = {"d0", "d1"}},
      {.id = "d0", .phase = Phase::Failed},
      {.id = "d1", .phase = Phase::Running, .children = {"not there"}},
  };
  nodes[3].type = NodeType::Skipped;
  std::vector<const Node*> pointers;
  for (const Node& node : nodes) pointers.push_back(&node);
  RunProgress progress = count_progress(pointers);
  EXPECT_EQ(progress.run.text(), "2/4");
  std::vector<std::string> texts;
  for (const Progress& p : progress.nodes) texts.push_back(p.text());
  EXPECT_THAT(texts, testing::ElementsAre("2/4", "1/1", "1/1", "0/2", "0/2", "0/1", "0/1"));
}

TEST(ProgressCount, MorePodsThanOneBlock) {
  std::vector<Node> nodes(1, {.id = "root", .type = NodeType::Dag});
  for (int i = 0; i < 10'000; ++i) {
    nodes.push_back({.id = std::to_string(i), .phase = i % 2 ? Phase::Succeeded : Phase::Pending});
    nodes[0].children.push_back(nodes.back().id);
  }
  std::vector<const Node*> pointers;
  for (const Node& node : nodes) pointers.push_back(&node);
  EXPECT_EQ(count_progress(pointers).nodes[0].text(), "5000/10000");
  EXPECT_EQ(count_progress({}).run.text(), "0/0");
}

/// Each node of a chain reaches all that follow: far more steps than nodes.
TEST(ProgressCount, AChainOfNodesWithPods) {
  constexpr int kLength = 1000;
  std::vector<Node> nodes;
  for (int i = 0; i < kLength; ++i) {
    const std::string id = std::to_string(i);
    nodes.push_back({.id = id, .type = NodeType::Retry, .children = {SharedText(id + "p"), SharedText(std::to_string(i + 1))}});
    nodes.push_back({.id = id + "p", .phase = i % 2 ? Phase::Succeeded : Phase::Pending});
  }
  std::vector<const Node*> pointers;
  for (const Node& node : nodes) pointers.push_back(&node);
  const RunProgress progress = count_progress(pointers);
  for (int i = 0; i < kLength; ++i) {
    ASSERT_EQ(progress.nodes[2 * i].text(), std::to_string((kLength - i) / 2 + (kLength - i) % 2 * (i % 2)) + "/" + std::to_string(kLength - i));
  }
  EXPECT_EQ(count_progress(pointers, 4, 2).nodes[4].text(), progress.nodes[4].text());
}

TEST(NodeJson, RoundTrip) {
  for (const Node& node : exit_handlers().nodes) {
    auto read = node_from_json(node_json(node));
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(node_json(*read), node_json(node));
    EXPECT_EQ(read->started, node.started);
    EXPECT_EQ(read->inputs, node.inputs);
    EXPECT_EQ(read->outputs->artifacts, node.outputs->artifacts);
    EXPECT_EQ(read->outputs->result, node.outputs->result);
    EXPECT_EQ(read->phase, node.phase);
    EXPECT_EQ(read->type, node.type);
  }
  Node node{.id = "i",
            .name = "n",
            .message = "not utf-8: \xff",
            .retried = true,
            .has_pod = true,
            .start_intended = true,
            .units = engine::HeldUnits{{"example.com/board", {0, 2}}}};
  Node read = node_from_json(node_json(node)).value();
  EXPECT_EQ(read.message, "not utf-8: \xEF\xBF\xBD");
  EXPECT_TRUE(read.retried && read.start_intended);
  EXPECT_TRUE(read.has_pod);
  EXPECT_EQ(*read.units, *node.units);
}

TEST(NodeJson, DamagedTextIsAnError) {
  for (const char* text : {"", "{", "[]", R"({"id": 1})", R"({"id": "a", "name": "a"})",
                           R"({"id": "a", "name": "a", "type": "Pod", "phase": "Sleeping"})",
                           R"({"id":"a","name":"a","type":"Pod","phase":"Error","inputs":[1]})"}) {
    auto read = node_from_json(text);
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error().code, Code::DataLoss);
  }
}

}  // namespace
}  // namespace gantry
