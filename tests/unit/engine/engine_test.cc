// What users see of a run, node by node: YAML through the real parser, engine and scheduler, pods simulated.

#include "tests/unit/engine/engine_fixture.h"

namespace gantry::engine {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST_F(EngineTest, OneContainer) {
  run(R"(
  entrypoint: main
  templates:
  - name: main
    container: {image: busybox, command: [print, hello]}
)");
  EXPECT_THAT(story(), ElementsAre("wf Pod Succeeded"));
  EXPECT_EQ(end(), "Succeeded");
  EXPECT_EQ(node("wf").outputs->exit_code, "0");
  EXPECT_EQ(node("wf").outputs->result, std::nullopt) << "nobody reads it";
}

TEST_F(EngineTest, FailuresSayWhy) {
  struct Case { const char* command; const char* node; };
  for (auto [command, expected] : {Case{"[exit, '3']", "wf Pod Failed | main: Error (exit code 3)"},
                                   Case{"[oom]", "wf Pod Failed | main: OOMKilled (exit code 137)"},
                                   Case{"[full]", "wf Pod Failed | main: DiskFull (exit code 1)"},
                                   Case{"[no-image]", "wf Pod Error | image not found"},
                                   Case{"[lost]", "wf Pod Error | TaskLost: task not found"}}) {
    world_.forget("wf");
    world_.run_to_rest();
    run("  entrypoint: main\n  templates:\n  - name: main\n    container: {image: busybox, command: " +
        std::string(command) + "}\n");
    EXPECT_THAT(story(), ElementsAre(expected));
  }
}

TEST_F(EngineTest, StepsRunInGroupsAndStopAtTheFirstFailedGroup) {
  run(R"(
  entrypoint: main
  templates:
  - name: main
    steps:
    - - {name: a, template: ok}
    - - {name: b, template: ok}
      - {name: c, template: bad}
      - {name: d, template: ok}
    - - {name: e, template: ok}
  - {name: ok, container: {image: busybox, command: [sleep, '50']}}
  - {name: bad, container: {image: busybox, command: [exit, '1']}}
)");
  std::string why = " | child '" + id("wf[1].c") + "' failed";
  EXPECT_THAT(story(), ElementsAre("wf Steps Failed" + why, "wf[0] StepGroup Succeeded", "wf[0].a Pod Succeeded",
                                   "wf[1] StepGroup Failed" + why, "wf[1].b Pod Succeeded",
                                   "wf[1].c Pod Failed | main: Error (exit code 1)", "wf[1].d Pod Succeeded"));
  EXPECT_EQ(end(), "Failed" + why);
  // The tree: a group hangs below the last nodes of the group before it.
  EXPECT_THAT(node("wf").children, ElementsAre(id("wf[0]")));
  EXPECT_THAT(node("wf[0].a").children, ElementsAre(id("wf[1]")));
  EXPECT_THAT(node("wf").outbound_nodes, ElementsAre(id("wf[1].b"), id("wf[1].c"), id("wf[1].d")));
  EXPECT_EQ(node("wf[1].b").boundary_id, "wf");
}

TEST_F(EngineTest, WhenSkipsAndContinueOnGoesOn) {
  run(R"(
  entrypoint: main
  templates:
  - name: main
    steps:
    - - {name: flip, template: flip}
      - {name: bad, template: bad, continueOn: {failed: true}}
    - - {name: heads, template: flip, when: "{{steps.flip.outputs.result}} == heads"}
      - {name: tails, template: flip, when: "{{steps.flip.outputs.result}} == tails"}
      - {name: after, template: flip, when: "{{steps.bad.status}} == Failed && {{steps.bad.exitCode}} == 2"}
  - {name: flip, container: {image: busybox, command: [print, heads]}}
  - {name: bad, container: {image: busybox, command: [exit, '2']}}
)");
  EXPECT_EQ(end(), "Succeeded");
  EXPECT_THAT(story(), Contains("wf[1].heads Pod Succeeded"));
  EXPECT_THAT(story(), Contains("wf[1].tails Skipped Skipped | when 'heads == tails' evaluated false"));
  EXPECT_THAT(story(), Contains("wf[1].after Pod Succeeded"));
}

TEST_F(EngineTest, AWhenThatIsNoConditionFailsItsGroupBeforeAnyMemberStarts) {
  run(R"(
  entrypoint: main
  templates:
  - name: main
    steps:
    - - {name: a, template: ok}
      - {name: b, template: ok, when: "1 +"}
  - {name: ok, container: {image: busybox, command: [exit, '0']}}
)");
  EXPECT_EQ(stored().order.size(), 2u);
  EXPECT_EQ(node("wf[0]").phase, Phase::Error);
  EXPECT_THAT(node("wf[0]").message, HasSubstr("failed to resolve references: "));
  EXPECT_EQ(node("wf").phase, Phase::Failed);
}

TEST_F(EngineTest, DagOmitsWhatItsDependsRefusesAndKeepsError) {
  run(R"(
  entrypoint: main
  templates:
  - name: main
    dag:
      tasks:
      - {name: a, template: bad}
      - {name: b, template: ok, depends: a}
      - {name: c, template: ok, depends: a.Failed}
      - {name: d, template: ok, depends: b.Omitted && c}
      - {name: e, template: broken}
  - {name: ok, container: {image: busybox, command: [exit, '0']}}
  - {name: bad, container: {image: busybox, command: [exit, '1']}}
  - {name: broken, container: {image: busybox, command: [no-image]}}
)");
  EXPECT_THAT(story(), Contains("wf.b Skipped Omitted | omitted: depends condition not met"));
  EXPECT_EQ(node("wf.c").phase, Phase::Succeeded);
  EXPECT_EQ(node("wf.d").phase, Phase::Succeeded);
  EXPECT_EQ(end(), "Error") << "a DAG keeps Error and has no message";
  EXPECT_THAT(node("wf.a").children, ElementsAre(id("wf.b"), id("wf.c")));
}

TEST_F(EngineTest, ATaskThatCannotBeResolvedIsASkippedNodeInError) {
  run(R"(
  entrypoint: main
  templates:
  - name: main
    dag:
      tasks:
      - {name: a, template: maker, when: "false"}
      - {name: b, template: taker, depends: a, arguments: {parameters: [{name: x, value: "{{tasks.a.outputs.parameters.p}}"}]}}
  - name: maker
    container: {image: busybox, command: [write, p, v]}
    outputs: {parameters: [{name: p, valueFrom: {path: /p}}]}
  - name: taker
    inputs: {parameters: [{name: x}]}
    container: {image: busybox, command: [exit, '0']}
)");
  EXPECT_THAT(story(), Contains("wf.b Skipped Error | task 'wf.b' errored: inputs.parameters.x: argument references "
                                "an absent optional (skipped/omitted node output with no default)"));
  EXPECT_EQ(end(), "Error");
}

TEST_F(EngineTest, ParametersFlowThroughOutputsInputsAndDefaults) {
  run(R"(
  entrypoint: main
  arguments: {parameters: [{name: version, value: "1.2"}]}
  templates:
  - name: main
    inputs: {parameters: [{name: version}]}
    steps:
    - - name: make
        template: maker
        arguments: {parameters: [{name: text, value: "v{{inputs.parameters.version}}"}]}
      - {name: skipped, template: maker, when: "1 == 2", arguments: {parameters: [{name: text, value: x}]}}
    - - name: take
        template: taker
        arguments:
          parameters:
          - {name: x, value: "{{steps.make.outputs.parameters.p}}"}
          - {name: w, value: "{{steps.skipped.outputs.parameters.p}}"}
          - {name: z, value: "{{steps.skipped.outputs.parameters.q}}"}
    outputs: {parameters: [{name: out, valueFrom: {parameter: "{{steps.make.outputs.parameters.p}}"}}]}
  - name: maker
    inputs: {parameters: [{name: text}]}
    container: {image: busybox, command: [write, p, "{{inputs.parameters.text}}-{{workflow.name}}"]}
    outputs:
      parameters:
      - {name: p, valueFrom: {path: /p, default: fallback}}
      - {name: q, valueFrom: {path: /q, default: missing}}
  - name: taker
    inputs: {parameters: [{name: x}, {name: w, default: unused}, {name: z, default: own}]}
    container: {image: busybox, command: [exit, '0']}
)");
  EXPECT_EQ(end(), "Succeeded");
  EXPECT_THAT(node("wf[1].take").inputs.parameters, ElementsAre(Parameter{"x", "v1.2-wf"}, Parameter{"w", "fallback"},
                                                     Parameter{"z", "missing"}));
  EXPECT_THAT(node("wf[0].make").outputs->parameters, ElementsAre(Parameter{"p", "v1.2-wf"}, Parameter{"q", "missing"}));
  EXPECT_THAT(node("wf").outputs->parameters, ElementsAre(Parameter{"out", "v1.2-wf"}));
}

TEST_F(EngineTest, AMissingOutputIsAnErrorUnlessMainFailed) {
  const char* spec = R"(
  entrypoint: main
  templates:
  - name: main
    container: {image: busybox, command: [exit, '%']}
    outputs: {parameters: [{name: p, valueFrom: {path: /p}}]}
)";
  std::string good(spec), bad(spec);
  run(good.replace(good.find('%'), 1, "0"));
  EXPECT_EQ(node("wf").phase, Phase::Error);
  EXPECT_THAT(node("wf").message, HasSubstr("wait: Error (exit code 64): output parameter p: open /p: no such file"));
  world_.forget("wf");
  world_.run_to_rest();
  run(bad.replace(bad.find('%'), 1, "4"));
  EXPECT_THAT(story(), ElementsAre("wf Pod Failed | main: Error (exit code 4)"));
}

TEST_F(EngineTest, RetriesUntilItSucceedsOrTheLimitIsReached) {
  run(R"(
  entrypoint: main
  templates:
  - name: main
    dag:
      tasks:
      - {name: twice, template: flaky}
      - {name: never, template: bad}
      - {name: broken, template: broken}
  - name: flaky
    retryStrategy: {limit: 5}
    container: {image: busybox, command: [fail-until, '2'], args: ["{{retries}}"]}
  - name: bad
    retryStrategy: {limit: "1"}
    container: {image: busybox, command: [exit, '1']}
  - name: broken
    retryStrategy: {limit: "3"}
    container: {image: busybox, command: [no-image]}
)");
  EXPECT_EQ(node("wf.twice").phase, Phase::Succeeded);
  EXPECT_THAT(node("wf.twice").children, ElementsAre(id("wf.twice(0)"), id("wf.twice(1)"), id("wf.twice(2)")));
  EXPECT_TRUE(node("wf.twice(2)").retried);
  EXPECT_THAT(story(), Contains("wf.never Retry Failed | No more retries left"));
  EXPECT_EQ(node("wf.never").children.size(), 2u);
  EXPECT_THAT(story(), Contains("wf.broken Retry Error | image not found")) << "OnFailure does not retry an Error";
  EXPECT_EQ(node("wf.broken").children.size(), 1u);
  EXPECT_EQ(node("wf.never").outputs->exit_code, "1");
}

TEST_F(EngineTest, TheExitHandlerSeesHowItEndedAndCanFailTheRun) {
  const char* spec = R"(
  entrypoint: main
  onExit: bye
  templates:
  - {name: main, container: {image: busybox, command: [exit, '%']}}
  - name: bye
    steps:
    - - {name: alert, template: say, when: "{{workflow.status}} != Succeeded"}
      - {name: party, template: say, when: "{{workflow.status}} == Succeeded"}
  - name: say
    container: {image: busybox, command: [exit, '1']}
)";
  std::string failed(spec), good(spec);
  run(failed.replace(failed.find('%'), 1, "9"));
  EXPECT_EQ(end(), "Failed | main: Error (exit code 9)");
  EXPECT_EQ(node("wf.onExit[0].alert").phase, Phase::Failed);
  EXPECT_EQ(node("wf.onExit[0].party").phase, Phase::Skipped);
  EXPECT_TRUE(node("wf.onExit").hooked);
  world_.forget("wf");
  world_.run_to_rest();
  run(good.replace(good.find('%'), 1, "0"));
  EXPECT_EQ(end(), "Failed | child '" + id("wf.onExit[0].party") + "' failed");
}

TEST_F(EngineTest, AStepsExitHandlerHoldsItsGroupAndCannotFailIt) {
  run(R"(
  entrypoint: main
  templates:
  - name: main
    steps:
    - - {name: a, template: ok, onExit: cleanup}
    - - {name: b, template: ok}
  - {name: ok, container: {image: busybox, command: [exit, '0']}}
  - {name: cleanup, container: {image: busybox, command: [exit, '1']}}
)");
  EXPECT_EQ(end(), "Succeeded");
  EXPECT_EQ(node("wf[0].a.onExit").phase, Phase::Failed);
  EXPECT_LE(*node("wf[0].a.onExit").finished, *node("wf[1].b").started);
}

constexpr const char* kSleeper = R"(
  entrypoint: main
  onExit: bye
  templates:
  - name: main
    steps:
    - - {name: a, template: sleep}
    - - {name: b, template: sleep}
  - {name: sleep, container: {image: busybox, command: [%, '100000']}}
  - {name: bye, container: {image: busybox, command: [exit, '0']}}
)";
std::string sleeper(const char* program) {
  std::string spec(kSleeper);
  return spec.replace(spec.find('%'), 1, program);
}

TEST_F(EngineTest, StopEndsWhatRunsAndRunsTheExitHandler) {
  submit(sleeper("sleep"));
  run_for(std::chrono::seconds(1));
  world_.shut_down("wf", Shutdown::Stop);
  run_for(std::chrono::seconds(1));
  EXPECT_EQ(end(), "Failed | Stopped with strategy 'Stop'");
  EXPECT_THAT(story(), Contains("wf[0].a Pod Failed | workflow shutdown with strategy:  Stop"));
  EXPECT_EQ(node("wf.onExit").phase, Phase::Succeeded);
  EXPECT_FALSE(stored().nodes.contains("wf[1].b"));
}

TEST_F(EngineTest, TerminateRunsNoExitHandlerAndKillsTheStubbornAfterTheGrace) {
  submit(sleeper("stubborn"));
  run_for(std::chrono::seconds(1));
  world_.shut_down("wf", Shutdown::Terminate);
  run_for(std::chrono::seconds(29));
  EXPECT_EQ(node("wf[0].a").phase, Phase::Running);
  run_for(std::chrono::seconds(2));
  EXPECT_EQ(end(), "Failed | Stopped with strategy 'Terminate'");
  EXPECT_EQ(node("wf[0].a").outputs->exit_code, "137");
  EXPECT_FALSE(stored().nodes.contains("wf.onExit"));
}

TEST_F(EngineTest, DeadlinesOfTheRunAndOfAPod) {
  submit("  activeDeadlineSeconds: 2" + sleeper("sleep"));
  run_for(std::chrono::seconds(4));
  EXPECT_EQ(end(), "Failed | child '" + id("wf[0].a") + "' failed");
  EXPECT_THAT(story(), Contains("wf[0].a Pod Failed | Step exceeded its deadline"));
  EXPECT_EQ(node("wf.onExit").phase, Phase::Succeeded) << "the exit handler is not under the deadline";
  world_.forget("wf");
  world_.run_to_rest();
  submit(R"(
  entrypoint: main
  templates:
  - {name: main, activeDeadlineSeconds: 1, container: {image: busybox, command: [sleep, '100000']}}
)");
  run_for(std::chrono::seconds(2));
  EXPECT_THAT(story(), ElementsAre("wf Pod Failed | Pod was active on the node longer than the specified deadline"));
}

TEST_F(EngineTest, ParallelismOfTheRunAndOfATemplate) {
  for (const char* level : {"  parallelism: 2\n", ""}) {
    submit(std::string(level) + R"(
  entrypoint: main
  templates:
  - name: main)" + (level[0] ? "" : "\n    parallelism: 2") + R"(
    steps:
    - - {name: a, template: sleep}
      - {name: b, template: sleep}
      - {name: c, template: sleep}
      - {name: d, template: sleep}
      - {name: e, template: sleep}
  - {name: sleep, container: {image: busybox, command: [sleep, '1000']}}
)");
    std::size_t most = 0;
    while (world_.step()) most = std::max(most, world_.runtime().running());
    EXPECT_EQ(most, 2u);
    EXPECT_EQ(end(), "Succeeded");
    world_.forget("wf");
    world_.run_to_rest();
  }
}

TEST_F(EngineTest, FailFastStartsNothingMore) {
  run(R"(
  entrypoint: main
  templates:
  - name: main
    failFast: true
    parallelism: 1
    steps:
    - - {name: a, template: bad}
      - {name: b, template: bad}
  - {name: bad, container: {image: busybox, command: [exit, '1']}}
)");
  EXPECT_FALSE(stored().nodes.contains("wf[0].b"));
  EXPECT_EQ(end(), "Failed | template has failed or errored children and failFast enabled");
}

TEST_F(EngineTest, AdmissionHoldsPodsBackAndRefusesTheImpossible) {
  submit(R"(
  entrypoint: main
  templates:
  - name: main
    dag:
      tasks:
      - {name: a, template: big}
      - {name: b, template: big}
      - {name: c, template: huge}
  - {name: big, container: {image: busybox, command: [sleep, '1000'], resources: {requests: {cpu: 1500m}}}}
  - {name: huge, container: {image: busybox, command: [exit, '0'], resources: {limits: {memory: 2Gi}}}}
)");
  std::size_t most = 0;
  while (world_.step()) most = std::max(most, world_.runtime().running());
  EXPECT_EQ(most, 1u);
  EXPECT_THAT(story(), Contains("wf.c Pod Error | task 'wf.c' errored: can never start: requests 2048 MiB of memory, this host offers 1024 MiB"));
  EXPECT_EQ(node("wf.b").phase, Phase::Succeeded);
}

TEST_F(EngineTest, ARunThatIsForgottenLeavesNothing) {
  submit(sleeper("sleep"));
  run_for(std::chrono::seconds(1));
  EXPECT_EQ(world_.runtime().pods(), 1u);
  world_.forget("wf");
  EXPECT_EQ(world_.engine().find("default", "wf"), nullptr);
  world_.run_to_rest();
  EXPECT_EQ(world_.runtime().pods(), 0u);
  EXPECT_EQ(world_.runtime().claims_removed().at("wf"), 1);
  EXPECT_TRUE(world_.stored().empty());
}

TEST_F(EngineTest, AMountWithoutAVolumeIsAnError) {
  run(R"(
  entrypoint: main
  templates:
  - name: main
    container: {image: busybox, command: [exit, '0'], volumeMounts: [{name: foo, mountPath: /foo}]}
)");
  EXPECT_THAT(story(), ElementsAre("wf Pod Error | volume 'foo' not found in workflow spec"));
}

TEST_F(EngineTest, FailuresAreListedForTheExitHandler) {
  run(R"(
  entrypoint: main
  onExit: bye
  templates:
  - {name: main, container: {image: busybox, command: [exit, '1']}}
  - name: bye
    steps:
    - - name: tell
        template: say
        arguments: {parameters: [{name: text, value: "{{workflow.failures}}"}]}
  - name: say
    inputs: {parameters: [{name: text}]}
    container: {image: busybox, command: [exit, '0']}
)");
  EXPECT_THAT(node("wf.onExit[0].tell").inputs.parameters.front().value,
              ::testing::StartsWith(R"("[{\"displayName\":\"wf\",\"message\":\"main: Error (exit code 1)\",\"templateName\":\"main\",\"phase\":\"Failed\",\"podName\":\"wf\",\"finishedAt\":\")"));
}

}  // namespace
}  // namespace gantry::engine
