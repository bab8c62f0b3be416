// `gantry resubmit --memoized` (see engine_fixture.h).

#include "daemon/engine/carry_over.h"

#include "tests/unit/engine/engine_fixture.h"

namespace gantry::engine {
namespace {

using ::testing::UnorderedElementsAre;

class CarryOverTest : public EngineTest {
 protected:
  void resubmit() {
    EXPECT_EQ(world_.resubmit("wf", "again"), "");
    world_.run_to_rest();
  }
  std::vector<std::string> new_story() {
    std::vector<std::string> lines;
    const auto& run = world_.stored().at("again");
    for (const std::string& name : run.order) {
      const Node& n = run.nodes.at(name);
      lines.push_back(name + " " + std::string(node_type_name(n.type)) + " " + std::string(workflow::phase_name(n.phase)) +
                      (n.message.empty() ? "" : " | " + n.message));
    }
    return lines;
  }
};

TEST_F(CarryOverTest, WhatSucceededIsNotDoneAgain) {
  run(R"(
  entrypoint: main
  templates:
  - name: main
    steps:
    - - {name: a, template: say}
    - - {name: b, template: inner, arguments: {parameters: [{name: p, value: "{{steps.a.outputs.result}}"}]}}
  - name: inner
    inputs: {parameters: [{name: p}]}
    dag:
      tasks: [{name: x, template: say}, {name: z, template: bad, depends: x.Succeeded}]
  - {name: say, container: {image: busybox, command: [print, hello]}}
  - {name: bad, container: {image: busybox, command: [exit, '1']}}
)");
  const std::string a = id("wf[0].a"), x = id("wf[1].b.x");
  resubmit();
  EXPECT_THAT(new_story(), UnorderedElementsAre(
                               "again Steps Failed | child '" + world_.stored().at("again").nodes.at("again[1].b").id + "' failed",
                               "again[0] StepGroup Succeeded", "again[0].a Skipped Skipped | original pod: " + a,
                               "again[1] StepGroup Failed | child '" + world_.stored().at("again").nodes.at("again[1].b").id + "' failed",
                               "again[1].b DAG Failed", "again[1].b.x Skipped Skipped | original pod: " + x,
                               "again[1].b.z Pod Failed | main: Error (exit code 1)"));
  const auto& nodes = world_.stored().at("again").nodes;
  EXPECT_EQ(nodes.at("again[0].a").outputs->result, "hello");
  EXPECT_EQ(nodes.at("again[1].b").inputs.parameters.front().value, "hello");
  EXPECT_EQ(nodes.at("again[1].b.x").boundary_id, nodes.at("again[1].b").id);
  EXPECT_EQ(world_.stored().at("wf").status.phase, RunPhase::Failed) << "the old one stays as it was";
}

TEST_F(CarryOverTest, LoopsPutTogetherWhatTheOldRunGave) {
  run(R"(
  entrypoint: main
  templates:
  - name: main
    dag:
      tasks:
      - {name: each, template: item, withItems: ['1', '2'], arguments: {parameters: [{name: k, value: "{{item}}"}]}}
      - {name: sum, template: bad, depends: each, arguments: {parameters: [{name: all, value: "{{tasks.each.outputs.result}}"}]}}
  - {name: item, inputs: {parameters: [{name: k}]}, container: {image: busybox, command: [print, "{{inputs.parameters.k}}"]}}
  - {name: bad, inputs: {parameters: [{name: all}]}, container: {image: busybox, command: [exit, '1']}}
)");
  resubmit();
  EXPECT_EQ(world_.stored().at("again").nodes.at("again.sum").inputs.parameters.front().value, "[1,2]");
}

TEST_F(CarryOverTest, TheLastAttemptBecomesTheFirst) {
  run(R"(
  entrypoint: main
  templates:
  - name: main
    dag: {tasks: [{name: a, template: second}, {name: b, template: bad, depends: a}]}
  - {name: second, retryStrategy: {limit: 2}, container: {image: busybox, command: [fail-until, '1', "{{retries}}"]}}
  - {name: bad, container: {image: busybox, command: [exit, '1']}}
)");
  const std::string original = id("wf.a(1)");
  resubmit();
  EXPECT_THAT(new_story(), UnorderedElementsAre("again DAG Failed", "again.a Retry Succeeded",
                                                "again.a(0) Skipped Skipped | original pod: " + original,
                                                "again.b Pod Failed | main: Error (exit code 1)"));
}

TEST_F(CarryOverTest, ItSurvivesACrash) {
  run(R"(
  entrypoint: main
  templates:
  - name: main
    steps: [[{name: a, template: ok}], [{name: b, template: slow}], [{name: c, template: bad}]]
  - {name: ok, container: {image: busybox, command: [exit, '0']}}
  - {name: slow, container: {image: busybox, command: [sleep, '1000']}}
  - {name: bad, container: {image: busybox, command: [exit, '1']}}
)");
  ASSERT_EQ(world_.resubmit("wf", "again"), "");
  for (int i = 0; i < 3; ++i) world_.step();
  world_.crash();
  world_.run_to_rest();
  const auto& nodes = world_.stored().at("again").nodes;
  EXPECT_TRUE(is_carried_over(nodes.at("again[0].a")));
  EXPECT_TRUE(is_carried_over(nodes.at("again[1].b")));
  EXPECT_EQ(nodes.at("again[2].c").phase, Phase::Failed);
}

TEST_F(CarryOverTest, NothingOfHooksAndExitHandlersIsTakenOver) {
  run(R"(
  entrypoint: main
  onExit: ok
  templates:
  - name: main
    steps: [[{name: a, template: ok, onExit: ok}], [{name: b, template: bad}]]
  - {name: ok, container: {image: busybox, command: [exit, '0']}}
  - {name: bad, container: {image: busybox, command: [exit, '1']}}
)");
  std::vector<Node> nodes;
  for (const std::string& name : stored().order) nodes.push_back(node(name));
  const auto carried = carry_over("wf", nodes, "again", workflow::Plan(), world_.now());
  ASSERT_EQ(carried.size(), 1u);
  EXPECT_EQ(carried.front().name, "again[0].a");
  resubmit();
  EXPECT_EQ(world_.stored().at("again").nodes.at("again.onExit").phase, Phase::Succeeded);
}

TEST_F(CarryOverTest, OnlyFailedRuns) {
  EXPECT_EQ(check_memoized(RunPhase::Succeeded).error().message, "workflow must be Failed/Error to resubmit in memoized mode");
  EXPECT_FALSE(check_memoized(RunPhase::Running));
  EXPECT_TRUE(check_memoized(RunPhase::Error));
}

}  // namespace
}  // namespace gantry::engine
