// What the simulation found once. Each was a way to hang, to crash, or to break a promise.

#include "tests/unit/engine/engine_fixture.h"

namespace gantry::engine {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using namespace std::chrono_literals;

std::size_t running(const World::StoredRun& run) {
  return static_cast<std::size_t>(std::count_if(run.nodes.begin(), run.nodes.end(), [](const auto& node) {
    return node.second.type == NodeType::Pod && node.second.phase == workflow::Phase::Running;
  }));
}

class FindingsTest : public EngineTest {
 protected:
  /// The most pods that ran at once, from here to the end.
  std::size_t most_running() {
    std::size_t most = 0;
    while (world_.step()) {
      if (world_.stored().contains("wf")) most = std::max(most, running(stored()));
    }
    return most;
  }
  /// Until the node is in that phase.
  void run_until(const std::string& name, workflow::Phase phase) {
    while (!world_.stored().contains("wf") || !stored().nodes.contains(name) || node(name).phase != phase) {
      ASSERT_TRUE(world_.step()) << name;
    }
  }
};

TEST_F(FindingsTest, AttemptsWithoutEndThatFailAtOnceLeaveTheDaemonAlone) {
  submit(R"(
  entrypoint: main
  templates:
  - name: main
    retryStrategy: {retryPolicy: Always}
    container: {image: i, command: [x], resources: {requests: {cpu: "1000"}}}
)");
  run_for(20s);
  EXPECT_EQ(node("wf").phase, workflow::Phase::Running);
  EXPECT_TRUE(stored().nodes.contains("wf(15)"));
  world_.shut_down("wf", Shutdown::Terminate);
  world_.run_to_rest();
  EXPECT_EQ(stored().status.phase, RunPhase::Failed);
}

TEST_F(FindingsTest, ARunWithThousandsOfAttemptsIsTakenUp) {
  submit(R"(
  entrypoint: main
  templates:
  - name: main
    retryStrategy: {limit: 3000}
    container: {image: i, command: [exit, "1"]}
)");
  run_until("wf(2900)", workflow::Phase::Running);
  world_.crash();
  world_.run_to_rest();
  EXPECT_EQ(end(), "Failed | No more retries left");
}

TEST_F(FindingsTest, HooksOnRunningFireForRetriedStepsAndLoops) {
  run(R"(
  entrypoint: main
  templates:
  - name: main
    dag:
      tasks:
      - {name: a, template: again, hooks: {seen: {template: ok, expression: "tasks['a'].status == 'Running'"}}}
      - {name: b, template: ok, withItems: [1, 2], hooks: {seen: {template: ok, expression: "tasks['b'].status == 'Running'"}}}
  - name: again
    retryStrategy: {limit: 1}
    container: {image: i, command: [exit, "0"]}
  - name: ok
    container: {image: i, command: [exit, "0"]}
)");
  EXPECT_THAT(story(), Contains("wf.a.hooks.seen Pod Succeeded"));
  EXPECT_THAT(story(), Contains("wf.b.hooks.seen Pod Succeeded"));
}

TEST_F(FindingsTest, HooksCountAgainstTheParallelismOfTheRun) {
  submit(R"(
  entrypoint: main
  parallelism: 1
  templates:
  - name: main
    steps:
    - - {name: a, template: work, hooks: {seen: {template: work, expression: "steps['a'].status == 'Running'"}}}
      - {name: b, template: work}
  - name: work
    container: {image: i, command: [sleep, "100"]}
)");
  EXPECT_EQ(most_running(), 1u);
  EXPECT_EQ(end(), "Succeeded");
}

TEST_F(FindingsTest, AttemptsAfterABackoffCountAgainstTheParallelismOfTheRun) {
  submit(R"(
  entrypoint: main
  parallelism: 1
  templates:
  - name: main
    steps:
    - - {name: a, template: again}
      - {name: b, template: work}
  - name: again
    retryStrategy: {limit: 2, backoff: {duration: "1"}}
    container: {image: i, command: [exit, "1"]}
  - name: work
    container: {image: i, command: [sleep, "5000"]}
)");
  EXPECT_EQ(most_running(), 1u);
}

TEST_F(FindingsTest, ALoopThatFailFastCutShortIsOver) {
  run(R"(
  entrypoint: main
  templates:
  - name: main
    failFast: true
    parallelism: 1
    dag:
      tasks:
      - {name: a, template: bad, withItems: [1, 2]}
  - name: bad
    container: {image: i, command: [exit, "1"]}
)");
  const std::string why = "template has failed or errored children and failFast enabled";
  EXPECT_THAT(story(), ElementsAre("wf DAG Failed | " + why, "wf.a TaskGroup Failed | " + why,
                                   "wf.a(0:1) Pod Failed | main: Error (exit code 1)"));
}

TEST_F(FindingsTest, AGraphThatIsCutShortWaitsForTheHookOfALoop) {
  run(R"(
  entrypoint: main
  templates:
  - name: main
    failFast: true
    dag:
      tasks:
      - {name: a, template: fine, withItems: [1], hooks: {exit: {template: slow}}}
      - {name: b, template: bad}
  - name: fine
    container: {image: i, command: [sleep, "10"]}
  - name: slow
    container: {image: i, command: [sleep, "500"]}
  - name: bad
    container: {image: i, command: [exit, "1"]}
)");
  EXPECT_EQ(node("wf.a.onExit").phase, workflow::Phase::Succeeded);
  EXPECT_GE(*node("wf").finished, *node("wf.a.onExit").finished);
}

TEST_F(FindingsTest, TheContainersOfAPodThatWasEndedBeforeItStartedAreOver) {
  run(R"(
  entrypoint: main
  activeDeadlineSeconds: 0
  templates:
  - name: main
    containerSet: {containers: [{name: a, image: i, command: [x]}, {name: b, image: i, command: [x]}]}
)");
  EXPECT_EQ(node("wf.a").phase, workflow::Phase::Failed);
  EXPECT_EQ(node("wf.b").phase, workflow::Phase::Failed);
}

TEST_F(FindingsTest, AHookOfTheRunThatIsOverAtOnceDoesNotEndTheRunBeforeItsExitHandler) {
  run(R"(
  entrypoint: main
  onExit: slow
  hooks: {done: {template: known, expression: "workflow.status == 'Succeeded'"}}
  templates:
  - name: main
    steps:
    - - {name: a, template: known}
  - name: known
    memoize: {key: k, cache: {configMap: {name: c}}}
    container: {image: i, command: [sleep, "10"]}
  - name: slow
    container: {image: i, command: [sleep, "500"]}
)");
  EXPECT_EQ(node("wf.onExit").phase, workflow::Phase::Succeeded);
  EXPECT_GE(*stored().status.finished, *node("wf.onExit").finished);
}

TEST_F(FindingsTest, FailFastAfterARestartWaitsForWhatRuns) {
  submit(R"(
  entrypoint: main
  templates:
  - name: main
    failFast: true
    dag:
      tasks:
      - {name: a, template: bad}
      - {name: b, template: slow}
      - {name: c, template: slow, withItems: [1, 2]}
  - name: bad
    container: {image: i, command: [exit, "1"]}
  - name: slow
    container: {image: i, command: [sleep, "500"]}
)");
  run_until("wf.a", workflow::Phase::Failed);
  world_.crash();
  world_.run_to_rest();
  EXPECT_THAT(story(), Contains("wf.b Pod Succeeded"));
  EXPECT_THAT(story(), Contains("wf.c TaskGroup Succeeded"));
  EXPECT_EQ(world_.runtime().pods(), 0u);
}

TEST_F(FindingsTest, AHookThatRunsIsTakenUpWithItsStep) {
  submit(R"(
  entrypoint: main
  templates:
  - name: main
    steps:
    - - {name: a, template: slow, hooks: {seen: {template: locked, expression: "steps['a'].status == 'Running'"}}}
      - {name: b, template: locked}
  - name: slow
    container: {image: i, command: [sleep, "2000"]}
  - name: locked
    synchronization: {mutexes: [{name: m}]}
    container: {image: i, command: [sleep, "500"]}
)");
  run_until("wf[0].a.hooks.seen", workflow::Phase::Pending);
  run_until("wf[0].b", workflow::Phase::Succeeded);
  run_until("wf[0].a.hooks.seen", workflow::Phase::Running);
  world_.crash();
  world_.run_to_rest();
  // It was heard of as soon as it ended, and not when the step did.
  EXPECT_LT(*node("wf[0].a.hooks.seen").finished, *node("wf[0].a").finished);
}

TEST_F(FindingsTest, ARestartDoesNotAskTheCacheAgainForAPodThatRuns) {
  submit(R"(
  entrypoint: main
  templates:
  - name: main
    steps:
    - - {name: a, template: quick}
      - {name: b, template: slow}
  - name: quick
    memoize: {key: k, cache: {configMap: {name: c}}}
    container: {image: i, command: [sleep, "10"]}
  - name: slow
    memoize: {key: k, cache: {configMap: {name: c}}}
    container: {image: i, command: [sleep, "500"]}
)");
  run_until("wf[0].a", workflow::Phase::Succeeded);
  world_.crash();
  world_.run_to_rest();
  EXPECT_FALSE(node("wf[0].b").memo->hit);
  EXPECT_EQ(world_.runtime().pods(), 0u);
}

TEST_F(FindingsTest, ADeadlineCountsFromTheStartOfThePodAfterARestartToo) {
  submit(R"(
  entrypoint: main
  templates:
  - name: main
    steps:
    - - {name: a, template: slow}
      - {name: b, template: watched}
  - name: slow
    container: {image: i, command: [sleep, "1500"], resources: {requests: {cpu: "2"}}}
  - name: watched
    activeDeadlineSeconds: 2
    container: {image: i, command: [sleep, "1500"], resources: {requests: {cpu: "2"}}}
)");
  // The node of b is made at once, its pod waits until a is over.
  run_until("wf[0].b", workflow::Phase::Running);
  world_.crash();
  world_.run_to_rest();
  EXPECT_EQ(node("wf[0].b").phase, workflow::Phase::Succeeded) << node("wf[0].b").message;
}

TEST_F(FindingsTest, TheDeadlineOfAnEarlierLifeDoesNotEndARetriedRun) {
  submit(R"(
  entrypoint: main
  activeDeadlineSeconds: 10
  templates:
  - name: main
    steps:
    - - {name: a, template: broken}
    - - {name: b, template: slow}
  - name: broken
    container: {image: i, command: [broken, "1"]}
  - name: slow
    container: {image: i, command: [sleep, "6000"]}
)");
  run_for(6s);
  ASSERT_EQ(stored().status.phase, RunPhase::Failed);
  EXPECT_EQ(world_.retry("wf"), "");
  world_.run_to_rest();
  EXPECT_EQ(end(), "Succeeded");
}

TEST_F(FindingsTest, ASuspensionOfAnEarlierLifeDoesNotEndTheOneOfARetriedRun) {
  submit(R"(
  entrypoint: main
  templates:
  - name: main
    steps:
    - - {name: wait, template: wait}
  - name: wait
    suspend: {duration: "10s"}
)");
  run_for(6s);
  world_.shut_down("wf", Shutdown::Terminate);
  run_for(1s);
  EXPECT_EQ(world_.retry("wf"), "");
  const Time again = world_.now();
  world_.run_to_rest();
  EXPECT_EQ(end(), "Succeeded");
  EXPECT_GE(*node("wf[0].wait").finished, again + 10s);
}

TEST_F(FindingsTest, ARetriedRunThatIsStoppedWhileItWaitsForItsLockLeavesNothingRunning) {
  run(R"(
  entrypoint: main
  templates:
  - name: main
    synchronization: {mutexes: [{name: m}]}
    dag: {tasks: [{name: a, template: work, withItems: [1, 2]}]}
  - name: work
    retryStrategy: {limit: 1}
    container: {image: i, command: [broken, "1"]}
)");
  ASSERT_EQ(stored().status.phase, RunPhase::Failed);
  ASSERT_EQ(world_.resubmit("wf", "other"), "");
  ASSERT_EQ(world_.retry("wf"), "");
  world_.shut_down("wf", Shutdown::Stop);
  world_.run_to_rest();
  EXPECT_EQ(stored().status.phase, RunPhase::Failed);
  for (const auto& [name, node] : stored().nodes) {
    EXPECT_TRUE(workflow::is_fulfilled(node.phase)) << name << " is " << workflow::phase_name(node.phase);
  }
}

// Seed 8323: the group that was over was done with before its member's hook had run again; a hook of nobody is the end of
// the daemon.
TEST_F(FindingsTest, AHookOfAMemberThatRunsAgainIsWaitedForThoughTheGroupIsOver) {
  run(R"(
  entrypoint: main
  templates:
  - name: main
    dag:
      failFast: false
      tasks:
      - {name: in, template: inner}
      - {name: c, template: fails}
  - name: inner
    dag:
      tasks:
      - {name: a, template: work, withItems: [1], hooks: {exit: {template: hook}}}
      - {name: b, template: work, depends: a}
  - {name: work, container: {image: busybox, command: [exit, '0']}}
  - {name: fails, container: {image: busybox, command: [broken, '1']}}
  - name: hook
    container: {image: busybox, command: [broken, "{{=node.name contains '(' ? '1' : '0'}}"]}
)");
  ASSERT_EQ(node("wf.in.a.onExit").phase, Phase::Succeeded);
  ASSERT_EQ(node("wf.in.a(0:1).onExit").phase, Phase::Failed);
  ASSERT_EQ(world_.retry("wf"), "");
  world_.run_to_rest();
  EXPECT_EQ(node("wf.in.a(0:1).onExit").phase, Phase::Succeeded);
  EXPECT_EQ(node("wf").phase, Phase::Succeeded);
}

// Seed 3886 of the whole daemon: what had begun because of a daemon step was started again, because an attempt of that was
// lost when the next life took it up.
TEST_F(FindingsTest, WhatADaemonServesGoesOnAfterARestartBetweenItsAttempts) {
  submit(R"(
  entrypoint: main
  templates:
  - name: main
    steps:
    - - {name: serve, template: serve}
    - - {name: work, template: work}
  - {name: work, container: {image: busybox, command: [sleep, '5000']}}
  - name: serve
    daemon: true
    retryStrategy: {limit: 1, retryPolicy: Always, backoff: {duration: 3s}}
    container: {image: busybox, command: [sleep, '1000']}
)");
  run_until("wf[0].serve(0)", Phase::Failed);
  ASSERT_EQ(node("wf[1].work").phase, Phase::Running);
  ASSERT_FALSE(stored().nodes.contains("wf[0].serve(1)"));
  const auto started = *node("wf[1].work").started;
  world_.crash();
  run_for(Duration(500));
  EXPECT_EQ(node("wf[1].work").phase, Phase::Running);
  world_.run_to_rest();
  EXPECT_EQ(node("wf[1].work").started, started);
  EXPECT_EQ(node("wf").phase, Phase::Succeeded);
}

// Seed 3001: and so it did with the hooks, which have no deadline.
TEST_F(FindingsTest, AHookGoesOnAfterARestartWhenTheDeadlineHasPassed) {
  submit(R"(
  activeDeadlineSeconds: 1
  entrypoint: main
  hooks: {watch: {template: inner, expression: "workflow.status == 'Failed'"}}
  templates:
  - {name: main, container: {image: busybox, command: [exit, '1']}}
  - name: inner
    dag:
      tasks:
      - {name: a, template: work}
      - {name: b, template: work, depends: a}
  - {name: work, container: {image: busybox, command: [sleep, '5000']}})");
  run_for(Duration(2000));
  ASSERT_EQ(node("wf.hooks.watch").phase, Phase::Running);
  world_.crash();
  world_.run_to_rest();
  EXPECT_EQ(node("wf.hooks.watch").phase, Phase::Succeeded);
  EXPECT_EQ(node("wf.hooks.watch.b").phase, Phase::Succeeded);
}

// Seed 19107: the life after the deadline began what the one before had not begun because of it.
TEST_F(FindingsTest, WhatTheDeadlineKeptFromBeginningIsNotBegunAfterARestart) {
  submit(R"(
  activeDeadlineSeconds: 1
  entrypoint: main
  templates:
  - name: main
    failFast: false
    dag:
      tasks:
      - {name: long, template: work, hooks: {exit: {template: work}}}
      - {name: other, template: inner}
      - {name: after, template: work, depends: other.Failed}
  - name: inner
    dag: {tasks: [{name: a, template: work}]}
  - {name: work, container: {image: busybox, command: [sleep, '5000']}})");
  run_for(Duration(2000));
  ASSERT_EQ(node("wf.other").phase, Phase::Failed);
  ASSERT_EQ(node("wf.long.onExit").phase, Phase::Running);
  world_.crash();
  world_.run_to_rest();
  EXPECT_EQ(node("wf").phase, Phase::Failed);
  EXPECT_EQ(node("wf.long.onExit").phase, Phase::Succeeded);
  EXPECT_THAT(story(), ::testing::Not(::testing::Contains(::testing::StartsWith("wf.after"))));
}

TEST_F(FindingsTest, ADaemonThatDiesWithoutAnAttemptLeftEndsNothingTwice) {
  run(R"(
  entrypoint: main
  templates:
  - name: main
    steps:
    - [{name: server, template: server}]
    - [{name: work, template: work}]
  - name: server
    daemon: true
    retryStrategy: {limit: 1}
    container: {image: i, command: [exit, "1"]}
  - name: work
    container: {image: i, command: [sleep, "500"]}
)");
  EXPECT_EQ(node("wf[0].server").phase, workflow::Phase::Failed);
  EXPECT_EQ(node("wf[1].work").phase, workflow::Phase::Succeeded);
  EXPECT_TRUE(is_ended(stored().status.phase));
}

// Seed 14468: the loop went on without the daemon that it had been begun for, and was nobody's child when that did not
// come up again.
TEST_F(FindingsTest, WhatADaemonServesWaitsForItWhenBothRunAgain) {
  submit(R"(
  entrypoint: main
  templates:
  - name: main
    dag:
      tasks:
      - {name: serve, template: serve}
      - {name: work, template: work, withItems: [a, b], depends: serve.Daemoned}
  - {name: work, container: {image: busybox, command: [sleep, '5000']}}
  - {name: serve, daemon: true, container: {image: busybox, command: [sleep, '100000']}}
)");
  run_until("wf.work(0:a)", Phase::Running);
  world_.shut_down("wf", Shutdown::Stop);
  world_.run_to_rest();
  ASSERT_EQ(node("wf.serve").phase, Phase::Succeeded);
  ASSERT_EQ(world_.retry("wf", {}), "");
  run_for(Duration(1));
  EXPECT_EQ(node("wf").phase, Phase::Running);
  EXPECT_FALSE(stored().nodes.contains("wf.work"));
  run_until("wf.work(1:b)", Phase::Running);
  EXPECT_THAT(node("wf.serve").children, Contains(id("wf.work")));
  world_.run_to_rest();
  EXPECT_EQ(stored().status.phase, RunPhase::Succeeded);
}

}  // namespace
}  // namespace gantry::engine
