// `gantry retry`: what goes, what stays, and that what is left goes on (see engine_fixture.h).

#include "daemon/engine/retry_run.h"

#include "tests/unit/engine/engine_fixture.h"

namespace gantry::engine {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

class RetryRunTest : public EngineTest {
 protected:
  /// What a retry would leave of the stored run.
  RetriedRun retried(const RetryRequest& request = {}) {
    std::vector<Node> nodes;
    for (const std::string& name : stored().order) nodes.push_back(node(name));
    const workflow::Plan plan;
    auto result = retry_run(stored().info, plan, stored().status, std::move(nodes), request, world_.now());
    EXPECT_TRUE(result) << result.error().message;
    return result ? std::move(*result) : RetriedRun();
  }
  static std::vector<std::string> names(const std::vector<Node>& nodes) {
    std::vector<std::string> names;
    for (const Node& node : nodes) names.push_back(node.name);
    return names;
  }
  /// The names of those that are Running again.
  static std::vector<std::string> going_on(const RetriedRun& run) {
    std::vector<std::string> names;
    for (const Node& node : run.nodes) {
      if (node.phase == Phase::Running) names.push_back(node.name);
    }
    return names;
  }
  static RetryRequest restart(std::string display_name) {
    return {.restart_successful = true,
            .selected = [name = std::move(display_name)](const Node& node) { return node.display_name == name; }};
  }
  std::string pod(const std::string& name) { return pod_id(stored().info, node(name)); }
  void retry(const RetryRequest& request = {}) {
    EXPECT_EQ(world_.retry("wf", request), "");
    world_.run_to_rest();
  }
};

constexpr const char* kDiamond = R"(
  entrypoint: main
  templates:
  - name: main
    dag:
      tasks:
      - {name: a, template: ok}
      - {name: b, template: broken, depends: a}
      - {name: c, template: ok, depends: a}
      - {name: d, template: ok, depends: b && c}
  - {name: ok, container: {image: busybox, command: [exit, '0']}}
  - {name: broken, container: {image: busybox, command: [broken, '1']}}
)";

TEST_F(RetryRunTest, FailedPodsGoWithAllThatCameAfterThem) {
  run(kDiamond);
  ASSERT_EQ(end(), "Failed");
  const RetriedRun left = retried();
  EXPECT_THAT(names(left.deleted), UnorderedElementsAre("wf.b", "wf.d"));
  EXPECT_THAT(names(left.nodes), ElementsAre("wf", "wf.a", "wf.c"));
  EXPECT_THAT(going_on(left), ElementsAre("wf"));
  EXPECT_THAT(left.changed, UnorderedElementsAre("wf", id("wf.a"), id("wf.c"))) << "children are left out";
  EXPECT_EQ(left.status.phase, RunPhase::Running);
  EXPECT_EQ(left.status.message, "");
  EXPECT_EQ(left.status.started, world_.now());
  EXPECT_FALSE(left.status.finished);
  EXPECT_EQ(left.status.retries, 1u);
}

TEST_F(RetryRunTest, WhatIsLeftGoesOn) {
  run(kDiamond);
  const Time first = *node("wf.a").started;
  const std::string old_pod = pod("wf.b");
  retry();
  EXPECT_EQ(end(), "Succeeded");
  EXPECT_THAT(story(), UnorderedElementsAre("wf DAG Succeeded", "wf.a Pod Succeeded", "wf.b Pod Succeeded",
                                            "wf.c Pod Succeeded", "wf.d Pod Succeeded"));
  EXPECT_EQ(node("wf.a").started, first) << "it did not run again";
  EXPECT_NE(pod("wf.b"), old_pod);
  EXPECT_EQ(log_directory(pod_name("wf", node("wf.b")), node("wf.b")), pod_name("wf", node("wf.b")) + ".1");
  EXPECT_EQ(log_directory(pod_name("wf", node("wf.a")), node("wf.a")), pod_name("wf", node("wf.a")));
  EXPECT_THAT(node("wf.a").children, UnorderedElementsAre(id("wf.b"), id("wf.c")));
  EXPECT_THAT(node("wf").outbound_nodes, ElementsAre(id("wf.d")));
}

TEST_F(RetryRunTest, ItSurvivesACrashAtAnyPoint) {
  for (int steps = 0; steps < 40; ++steps) {
    world_.forget("wf");
    world_.run_to_rest();
    run(kDiamond);
    ASSERT_EQ(end(), "Failed");
    world_.crash();  // an ended run is only in the store
    ASSERT_EQ(world_.retry("wf"), "");
    for (int i = 0; i < steps; ++i) world_.step();
    world_.crash();
    world_.run_to_rest();
    // A retry that was not committed has not happened.
    if (end() == "Failed") {
      EXPECT_EQ(stored().status.retries, 0u);
      EXPECT_EQ(node("wf.b").phase, Phase::Failed) << "nothing of it is stored";
      continue;
    }
    EXPECT_EQ(end(), "Succeeded") << steps;
    EXPECT_THAT(story(), SizeIs(5));
  }
}

TEST_F(RetryRunTest, ItCanBeRetriedAgain) {
  run(R"(
  entrypoint: main
  templates:
  - {name: main, container: {image: busybox, command: [broken, '2']}}
)");
  const std::string first = pod("wf");
  retry();
  EXPECT_EQ(stored().status.phase, RunPhase::Failed);
  const std::string second = pod("wf");
  EXPECT_NE(second, first);
  retry();
  EXPECT_EQ(end(), "Succeeded");
  EXPECT_NE(pod("wf"), second);
  EXPECT_NE(pod("wf"), first);
  EXPECT_EQ(stored().status.retries, 2u);
}

TEST_F(RetryRunTest, OnlyFailedRuns) {
  submit(kDiamond);
  world_.step();
  EXPECT_EQ(check_retry(RunPhase::Running, {}).error().message, "Cannot retry a workflow in phase Running");
  EXPECT_EQ(check_retry(RunPhase::Pending, {}).error().message, "Cannot retry a workflow in phase Pending");
  const char* how = "To retry a succeeded workflow, set the options restartSuccessful and nodeFieldSelector";
  EXPECT_EQ(check_retry(RunPhase::Succeeded, {}).error().message, how);
  EXPECT_EQ(check_retry(RunPhase::Succeeded, {.restart_successful = true}).error().message, how);
  EXPECT_EQ(check_retry(RunPhase::Succeeded, {}).error().code, Code::InvalidArgument);
  EXPECT_TRUE(check_retry(RunPhase::Succeeded, restart("a")));
  EXPECT_TRUE(check_retry(RunPhase::Error, {}));
}

TEST_F(RetryRunTest, SucceededNodesRunAgainWhenTheyAreSelected) {
  run(kDiamond);
  retry();
  ASSERT_EQ(end(), "Succeeded");
  const RetriedRun left = retried(restart("c"));
  EXPECT_THAT(names(left.deleted), UnorderedElementsAre("wf.c", "wf.d"));
  EXPECT_THAT(going_on(left), ElementsAre("wf"));
  // A selector without restartSuccessful selects nothing.
  const Time first = *node("wf.b").started;
  retry(restart("c"));
  EXPECT_EQ(end(), "Succeeded");
  EXPECT_EQ(node("wf.b").started, first);
  EXPECT_EQ(node("wf.c").life, 2u);
}

TEST_F(RetryRunTest, StepsAndTheirGroups) {
  run(R"(
  entrypoint: main
  templates:
  - name: main
    steps:
    - - {name: a, template: ok}
    - - {name: b, template: inner}
      - {name: c, template: ok}
    - - {name: d, template: ok}
  - name: inner
    steps:
    - - {name: x, template: ok}
    - - {name: bad, template: broken}
    - - {name: z, template: ok}
  - {name: ok, container: {image: busybox, command: [exit, '0']}}
  - {name: broken, container: {image: busybox, command: [broken, '1']}}
)");
  ASSERT_EQ(stored().status.phase, RunPhase::Failed);
  const RetriedRun left = retried();
  EXPECT_THAT(names(left.deleted), ElementsAre("wf[1].b[1].bad"));
  EXPECT_THAT(going_on(left), UnorderedElementsAre("wf", "wf[1]", "wf[1].b", "wf[1].b[1]"));
  retry();
  EXPECT_EQ(end(), "Succeeded");
  EXPECT_EQ(node("wf[1].c").life, 0u);
  EXPECT_EQ(node("wf[1].b[0].x").life, 0u);
  EXPECT_EQ(node("wf[1].b[1].bad").life, 1u);
  EXPECT_EQ(node("wf[2].d").phase, Phase::Succeeded);
  for (const auto& [name, n] : stored().nodes) EXPECT_EQ(n.phase, Phase::Succeeded) << name;
}

TEST_F(RetryRunTest, AllAttemptsOfAPodGoAndItStartsWithTheFirst) {
  run(R"(
  entrypoint: main
  templates:
  - name: main
    dag: {tasks: [{name: a, template: broken}, {name: b, template: ok, depends: a}]}
  - {name: ok, container: {image: busybox, command: [exit, '0']}}
  - {name: broken, retryStrategy: {limit: 2}, container: {image: busybox, command: [broken, '1']}}
)");
  ASSERT_EQ(end(), "Failed");
  const RetriedRun left = retried();
  EXPECT_THAT(names(left.deleted), UnorderedElementsAre("wf.a(0)", "wf.a(1)", "wf.a(2)", "wf.b"));
  EXPECT_THAT(going_on(left), UnorderedElementsAre("wf", "wf.a"));
  retry();
  EXPECT_EQ(end(), "Succeeded");
  EXPECT_THAT(story(), UnorderedElementsAre("wf DAG Succeeded", "wf.a Retry Succeeded", "wf.a(0) Pod Succeeded",
                                            "wf.b Pod Succeeded"));
}

TEST_F(RetryRunTest, AnAttemptThatAnotherOneMadeGoodStays) {
  run(R"(
  entrypoint: main
  templates:
  - name: main
    dag: {tasks: [{name: a, template: second}, {name: b, template: broken, depends: a}]}
  - {name: second, retryStrategy: {limit: 2}, container: {image: busybox, command: [fail-until, '1', "{{retries}}"]}}
  - {name: broken, container: {image: busybox, command: [broken, '1']}}
)");
  EXPECT_THAT(names(retried().deleted), ElementsAre("wf.b"));
  retry();
  EXPECT_EQ(end(), "Succeeded");
  EXPECT_EQ(node("wf.a(0)").phase, Phase::Failed);
  EXPECT_EQ(node("wf.a(1)").life, 0u);
}

TEST_F(RetryRunTest, ASelectedAttemptTakesTheLaterOnesWithIt) {
  run(R"(
  entrypoint: main
  templates:
  - name: main
    dag: {tasks: [{name: a, template: second}]}
  - {name: second, retryStrategy: {limit: 2}, container: {image: busybox, command: [fail-until, '1', "{{retries}}"]}}
)");
  ASSERT_EQ(end(), "Succeeded");
  EXPECT_THAT(names(retried(restart("a(0)")).deleted), UnorderedElementsAre("wf.a(0)", "wf.a(1)"));
  retry(restart("a(0)"));
  EXPECT_EQ(end(), "Succeeded");
  EXPECT_EQ(node("wf.a(0)").life, 1u);
  EXPECT_EQ(node("wf.a(1)").life, 1u);
}

TEST_F(RetryRunTest, OfAttemptsThatAreGraphsTheLastOneGoesOn) {
  run(R"(
  entrypoint: main
  templates:
  - name: main
    retryStrategy: {limit: 1}
    steps:
    - - {name: a, template: ok}
    - - {name: b, template: broken}
  - {name: ok, container: {image: busybox, command: [exit, '0']}}
  - {name: broken, container: {image: busybox, command: [broken, '1']}}
)");
  const RetriedRun left = retried();
  EXPECT_THAT(names(left.deleted), ElementsAre("wf(1)[1].b"));
  EXPECT_THAT(going_on(left), UnorderedElementsAre("wf", "wf(1)", "wf(1)[1]"));
  retry();
  EXPECT_EQ(end(), "Succeeded");
  EXPECT_EQ(node("wf(0)").phase, Phase::Failed);
  EXPECT_EQ(node("wf(1)").phase, Phase::Succeeded);
  EXPECT_EQ(node("wf(1)[0].a").life, 0u);
}

TEST_F(RetryRunTest, OfALoopOnlyTheFailedItemsRunAgain) {
  run(R"(
  entrypoint: main
  templates:
  - name: main
    dag:
      tasks:
      - {name: each, template: item, withItems: ['0', '1'], arguments: {parameters: [{name: k, value: "{{item}}"}]}}
      - {name: after, template: item, depends: each, arguments: {parameters: [{name: k, value: '0'}]}}
  - {name: item, inputs: {parameters: [{name: k}]},
     container: {image: busybox, command: [broken, "{{inputs.parameters.k}}"]}}
)");
  ASSERT_EQ(end(), "Failed");
  const RetriedRun left = retried();
  EXPECT_THAT(names(left.deleted), UnorderedElementsAre("wf.each(1:1)", "wf.after"));
  EXPECT_THAT(going_on(left), UnorderedElementsAre("wf", "wf.each"));
  // New arguments may make other items of the loop.
  EXPECT_THAT(names(retried({.new_parameters = true}).deleted),
              UnorderedElementsAre("wf.each(0:0)", "wf.each(1:1)", "wf.after"));
  retry();
  EXPECT_EQ(end(), "Succeeded");
  EXPECT_EQ(node("wf.each(0:0)").life, 0u);
}

TEST_F(RetryRunTest, TheExitHandlerRunsAgainWhateverBecameOfIt) {
  run(R"(
  entrypoint: main
  onExit: bye
  templates:
  - name: main
    steps: [[{name: a, template: ok}]]
  - name: bye
    steps: [[{name: ok, template: ok}], [{name: bad, template: broken}]]
  - {name: ok, container: {image: busybox, command: [exit, '0']}}
  - {name: broken, container: {image: busybox, command: [broken, '1']}}
)");
  ASSERT_EQ(stored().status.phase, RunPhase::Failed);
  const RetriedRun left = retried();
  EXPECT_THAT(names(left.nodes), ElementsAre("wf", "wf[0]", "wf[0].a"));
  EXPECT_THAT(going_on(left), IsEmpty());
  retry();
  EXPECT_EQ(end(), "Succeeded");
  EXPECT_EQ(node("wf.onExit[0].ok").life, 1u);
}

TEST_F(RetryRunTest, AFailureThatOthersWentOnFromStays) {
  run(R"(
  entrypoint: main
  templates:
  - name: main
    dag:
      tasks:
      - {name: a, template: bad}
      - {name: rescue, template: ok, depends: a.Failed}
      - {name: b, template: broken}
  - {name: ok, container: {image: busybox, command: [exit, '0']}}
  - {name: bad, container: {image: busybox, command: [exit, '1']}}
  - {name: broken, container: {image: busybox, command: [broken, '1']}}
)");
  EXPECT_THAT(names(retried().deleted), ElementsAre("wf.b"));
  retry();
  EXPECT_EQ(end(), "Succeeded");
}

TEST_F(RetryRunTest, AnExitHookThatSucceededDoesNotKeepAFailedStep) {
  run(R"(
  entrypoint: main
  templates:
  - name: main
    steps: [[{name: a, template: broken, onExit: ok}]]
  - {name: ok, container: {image: busybox, command: [exit, '0']}}
  - {name: broken, container: {image: busybox, command: [broken, '1']}}
)");
  ASSERT_EQ(node("wf[0].a.onExit").phase, Phase::Succeeded);
  EXPECT_THAT(names(retried().deleted), UnorderedElementsAre("wf[0].a", "wf[0].a.onExit"));
  retry();
  EXPECT_EQ(end(), "Succeeded");
  EXPECT_EQ(node("wf[0].a.onExit").life, 1u);
}

// Seed 6766 of the simulation: the hook ran at once, beside the step.
TEST_F(RetryRunTest, AFailedExitHookWaitsForItsStepAgain) {
  run(R"(
  entrypoint: main
  templates:
  - name: main
    dag: {tasks: [{name: a, template: broken, hooks: {exit: {template: broken}}}]}
  - {name: broken, retryStrategy: {limit: 0}, container: {image: busybox, command: [broken, '1']}}
)");
  ASSERT_EQ(node("wf.a.onExit").phase, Phase::Failed);
  EXPECT_THAT(names(retried().deleted), UnorderedElementsAre("wf.a(0)", "wf.a.onExit", "wf.a.onExit(0)"));
  retry();
  EXPECT_EQ(end(), "Succeeded");
  EXPECT_GE(*node("wf.a.onExit").started, *node("wf.a").finished);
}

TEST_F(RetryRunTest, SuspendNodesAfterAFailureWaitAgain) {
  run(R"(
  entrypoint: main
  templates:
  - name: main
    dag:
      tasks:
      - {name: ask, template: wait}
      - {name: a, template: broken, depends: ask}
  - {name: wait, suspend: {duration: 1}}
  - {name: broken, container: {image: busybox, command: [broken, '1']}}
)");
  EXPECT_THAT(names(retried().deleted), ElementsAre("wf.a")) << "one that was answered stays";
  EXPECT_THAT(names(retried(restart("ask")).deleted), UnorderedElementsAre("wf.ask", "wf.a"));
  retry(restart("ask"));
  EXPECT_EQ(end(), "Succeeded");
  EXPECT_EQ(node("wf.ask").life, 1u);
}

TEST_F(RetryRunTest, AFailedSuspendNodeAsksAgain) {
  submit(R"(
  entrypoint: main
  templates:
  - {name: main, steps: [[{name: ask, template: wait}]]}
  - {name: wait, suspend: {}}
)");
  world_.run_to_rest();
  EXPECT_EQ(world_.apply(world_.engine().fail_suspended("wf", nullptr, "no", world_.now())), "");
  world_.run_to_rest();
  ASSERT_EQ(stored().status.phase, RunPhase::Failed);
  retry();
  EXPECT_EQ(end(), "Running");
  EXPECT_EQ(node("wf[0].ask").phase, Phase::Running);
  EXPECT_EQ(world_.apply(world_.engine().resume("wf", nullptr, "yes", world_.now())), "");
  world_.run_to_rest();
  EXPECT_EQ(end(), "Succeeded");
}

TEST_F(RetryRunTest, AGraphThatFailedByItselfKeepsItsNodes) {
  run(R"(
  entrypoint: main
  templates:
  - name: main
    dag:
      tasks: [{name: a, template: inner}, {name: b, template: ok, depends: a}]
  - name: inner
    dag: {tasks: [{name: x, template: ok}]}
    outputs: {parameters: [{name: p, valueFrom: {expression: "asInt('no') "}}]}
  - {name: ok, container: {image: busybox, command: [exit, '0']}}
)");
  ASSERT_EQ(node("wf.a").phase, Phase::Error);
  const RetriedRun left = retried();
  EXPECT_THAT(names(left.nodes), UnorderedElementsAre("wf", "wf.a", "wf.a.x"));
  EXPECT_THAT(going_on(left), UnorderedElementsAre("wf", "wf.a"));
}

TEST_F(RetryRunTest, AStoppedRunGoesOn) {
  submit(R"(
  entrypoint: main
  templates:
  - {name: main, steps: [[{name: a, template: slow}], [{name: b, template: slow}]]}
  - {name: slow, container: {image: busybox, command: [sleep, '5000']}}
)");
  run_for(Duration(7000));
  world_.shut_down("wf", Shutdown::Stop);
  world_.run_to_rest();
  ASSERT_EQ(end(), "Failed | Stopped with strategy 'Stop'");
  retry();
  EXPECT_EQ(end(), "Succeeded");
  EXPECT_EQ(node("wf[0].a").life, 0u);
  EXPECT_EQ(stored().status.shutdown, Shutdown::None);
}

TEST_F(RetryRunTest, ItHasToGetItsLocksAgain) {
  const char* spec = R"(
  entrypoint: main
  synchronization: {mutexes: [{name: m}]}
  templates:
  - {name: main, steps: [[{name: a, template: broken}]]}
  - {name: broken, container: {image: busybox, command: [broken, '1']}}
)";
  run(spec);
  ASSERT_EQ(stored().status.phase, RunPhase::Failed);
  workflow::Diagnostics diagnostics;
  auto other = workflow::compile_workflows(std::string(R"(
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: other}
spec:
  entrypoint: main
  synchronization: {mutexes: [{name: m}]}
  templates: [{name: main, container: {image: busybox, command: [sleep, '5000']}}]
)"), workflow::Format::Yaml, {}, diagnostics);
  ASSERT_EQ(other.size(), 1u);
  world_.submit("other", other.front().plan);
  run_for(Duration(100));
  EXPECT_EQ(world_.retry("wf"), "");
  run_for(Duration(100));
  EXPECT_EQ(stored().status.phase, RunPhase::Pending);
  world_.crash();
  run_for(Duration(100));
  EXPECT_EQ(stored().status.phase, RunPhase::Pending) << "nor does a restart give it what another one holds";
  world_.run_to_rest();
  EXPECT_EQ(end(), "Succeeded");
}

}  // namespace
}  // namespace gantry::engine
