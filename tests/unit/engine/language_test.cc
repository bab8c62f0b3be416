// Loops, hooks, backoff, suspension, locks, memos, references, daemons: what users see of them, node by node.

#include "tests/unit/engine/engine_fixture.h"

namespace gantry::engine {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsSupersetOf;

const std::string kPrint = R"(
  - name: print
    inputs: {parameters: [{name: x}]}
    container: {image: busybox, command: [print, "{{inputs.parameters.x}}"]}
)";

class LanguageTest : public EngineTest {
 protected:
  std::string input(const std::string& name, std::size_t index = 0) { return node(name).inputs.parameters.at(index).value; }
};

TEST_F(LanguageTest, HooksOfARunAreBelowItsRoot) {
  run(R"(
  entrypoint: main
  hooks:
    running: {expression: workflow.status == "Running", template: say}
    succeed: {expression: workflow.status == "Succeeded", template: say}
  templates:
  - name: main
    container: {image: busybox, command: [sleep, "10"]}
  - name: say
    container: {image: busybox, command: [exit, "0"]}
)");
  EXPECT_EQ(end(), "Succeeded");
  EXPECT_EQ(stored().order.front(), "wf");
  EXPECT_THAT(node("wf").children, ElementsAre(id("wf.hooks.running"), id("wf.hooks.succeed")));
}

TEST_F(LanguageTest, ArgumentsKnowTheStepThatTheirTemplateIsCalledAs) {
  run(R"(
  entrypoint: main
  templates:
  - name: main
    steps:
    - - {name: one, template: print, arguments: {parameters: [{name: x, value: "{{steps.name}}"}]}}
    - - {name: inner, template: inner}
  - name: inner
    dag:
      tasks:
      - {name: two, template: print, arguments: {parameters: [{name: x, value: "{{tasks.name}}"}]}}
)" + kPrint);
  EXPECT_EQ(input("wf[0].one"), "");
  EXPECT_EQ(input("wf[1].inner.two"), "inner");
}

TEST_F(LanguageTest, ALoopInStepsIsMembersOfItsGroup) {
  run(R"--(
  entrypoint: main
  templates:
  - name: main
    steps:
    - - name: a
        template: print
        arguments: {parameters: [{name: x, value: "{{item}}"}]}
        withItems: [one, 2, {b: x, a: 1}, "(c)"]
)--" + kPrint);
  EXPECT_THAT(story(), ElementsAre("wf Steps Succeeded", "wf[0] StepGroup Succeeded", "wf[0].a(0:one) Pod Succeeded",
                                   "wf[0].a(1:2) Pod Succeeded", "wf[0].a(2:a:1,b:x) Pod Succeeded",
                                   "wf[0].a(3:c) Pod Succeeded"));
  EXPECT_EQ(input("wf[0].a(2:a:1,b:x)"), R"({"a":1,"b":"x"})");
  EXPECT_EQ(input("wf[0].a(3:c)"), "(c)");
}

TEST_F(LanguageTest, ALoopInADagHasAGroupAndItsResultsAreAList) {
  run(R"(
  entrypoint: main
  templates:
  - name: main
    dag:
      tasks:
      - name: a
        template: print
        arguments: {parameters: [{name: x, value: "{{item.k}}"}]}
        withParam: '[{"k": 1}, {"k": "[2]"}]'
      - name: b
        depends: a.Succeeded && a.AnySucceeded
        template: print
        arguments: {parameters: [{name: x, value: "{{tasks.a.outputs.result}}"}]}
)" + kPrint);
  EXPECT_THAT(story(), ElementsAre("wf DAG Succeeded", "wf.a TaskGroup Succeeded", "wf.a(0:k:1) Pod Succeeded",
                                   "wf.a(1:k:[2]) Pod Succeeded", "wf.b Pod Succeeded"));
  EXPECT_EQ(input("wf.b"), "[1,[2]]");
  EXPECT_THAT(node("wf.a(0:k:1)").children, Contains(id("wf.b")));
}

TEST_F(LanguageTest, SequencesCountBothWaysWithAFormat) {
  run(R"(
  entrypoint: main
  templates:
  - name: main
    steps:
    - - name: a
        template: print
        arguments: {parameters: [{name: x, value: "{{item}}"}]}
        withSequence: {start: "11", end: "9", format: "u%02X"}
    - - name: b
        template: print
        arguments: {parameters: [{name: x, value: "{{item}}"}]}
        withSequence: {count: "0"}
)" + kPrint);
  EXPECT_THAT(story(), ElementsAre("wf Steps Succeeded", "wf[0] StepGroup Succeeded", "wf[0].a(0:u0B) Pod Succeeded",
                                   "wf[0].a(1:u0A) Pod Succeeded", "wf[0].a(2:u09) Pod Succeeded",
                                   "wf[1] StepGroup Succeeded", "wf[1].b Skipped Skipped | Skipped, empty params"));
}

TEST_F(LanguageTest, WhenIsAskedForEachItem) {
  run(R"(
  entrypoint: main
  templates:
  - name: main
    steps:
    - - name: a
        template: print
        when: "{{item}} > 1"
        arguments: {parameters: [{name: x, value: "{{item}}"}]}
        withItems: [1, 2]
    - - name: b
        template: print
        when: "1 != 1"
        arguments: {parameters: [{name: x, value: "{{item}}"}]}
        withParam: "{{steps.a.outputs.parameters.nothing}}"
)" + std::string(R"(
  - name: print
    inputs: {parameters: [{name: x}]}
    outputs: {parameters: [{name: nothing, valueFrom: {path: /n, default: d}}]}
    container: {image: busybox, command: [print, "{{inputs.parameters.x}}"]}
)"));
  EXPECT_THAT(story(), IsSupersetOf({"wf[0].a(0:1) Skipped Skipped | when '1 > 1' evaluated false",
                                     "wf[0].a(1:2) Pod Succeeded"}));
  EXPECT_EQ(end(), "Succeeded");
}

TEST_F(LanguageTest, AFailedItemFailsItsGroup) {
  run(R"(
  entrypoint: main
  templates:
  - name: main
    dag:
      tasks:
      - {name: a, template: exit, arguments: {parameters: [{name: code, value: "{{item}}"}]}, withItems: [0, 3]}
      - {name: b, template: exit, arguments: {parameters: [{name: code, value: "0"}]}, depends: a.AllFailed}
  - name: exit
    inputs: {parameters: [{name: code}]}
    container: {image: busybox, command: [exit, "{{inputs.parameters.code}}"]}
)");
  EXPECT_THAT(story(), IsSupersetOf({"wf DAG Failed", "wf.a TaskGroup Failed", "wf.a(0:0) Pod Succeeded",
                                     "wf.b Skipped Omitted | omitted: depends condition not met"}));
}

TEST_F(LanguageTest, ExpressionsInTextsOutputsAndWhen) {
  run(R"(
  entrypoint: main
  arguments: {parameters: [{name: num, value: "4"}]}
  templates:
  - name: main
    outputs:
      parameters:
      - {name: sum, valueFrom: {expression: "asInt(workflow.parameters.num) + 1"}}
      - {name: which, valueFrom: {expression: "steps.a.status == 'Succeeded' ? steps.a.outputs.result : 'none'"}}
      - {name: gone, valueFrom: {expression: "steps.a.outputs.parameters.nothing ?? 'nothing'"}}
    steps:
    - - name: a
        template: print
        when: "{{= asInt(workflow.parameters.num) > 3}}"
        arguments: {parameters: [{name: x, value: "{{= sprig.upper('ab') + workflow.parameters.num}}"}]}
)" + kPrint);
  EXPECT_EQ(end(), "Succeeded");
  EXPECT_EQ(input("wf[0].a"), "AB4");
  EXPECT_THAT(node("wf").outputs->parameters,
              ElementsAre(Parameter{"sum", "5"}, Parameter{"which", "AB4"}, Parameter{"gone", "nothing"}));
}

TEST_F(LanguageTest, HooksRunOnceOnRunningAndAtTheEnd) {
  run(R"(
  entrypoint: main
  hooks:
    running: {template: note, expression: "workflow.status == 'Running'"}
    exit: {template: note}
  templates:
  - name: main
    steps:
    - - name: a
        template: out
        hooks:
          running: {template: note, expression: "steps['a'].status == 'Running'"}
          never: {template: note, expression: "steps['a'].status == 'Failed'"}
          exit:
            template: print
            arguments: {parameters: [{name: x, value: "{{steps.a.outputs.parameters.o}}"}]}
  - name: note
    container: {image: busybox, command: [sleep, "5"]}
  - name: out
    outputs: {parameters: [{name: o, valueFrom: {path: /o}}]}
    container: {image: busybox, command: [write, o, value]}
)" + kPrint);
  EXPECT_EQ(end(), "Succeeded");
  EXPECT_THAT(story(), IsSupersetOf({"wf.hooks.running Pod Succeeded", "wf[0].a.hooks.running Pod Succeeded",
                                     "wf[0].a.onExit Pod Succeeded", "wf.onExit Pod Succeeded"}));
  EXPECT_EQ(stored().nodes.count("wf[0].a.hooks.never"), 0u);
  EXPECT_EQ(input("wf[0].a.onExit"), "value");
  EXPECT_TRUE(node("wf[0].a.hooks.running").hooked);
}

TEST_F(LanguageTest, BackoffWaitsAndAnExpressionEndsIt) {
  const Time start = world_.now();
  run(R"(
  entrypoint: main
  templates:
  - name: main
    retryStrategy: {limit: 2, backoff: {duration: "10", factor: 2}}
    container: {image: busybox, command: [exit, "1"]}
)");
  EXPECT_THAT(story(), ElementsAre("wf Retry Failed | No more retries left", "wf(0) Pod Failed | main: Error (exit code 1)",
                                   "wf(1) Pod Failed | main: Error (exit code 1)",
                                   "wf(2) Pod Failed | main: Error (exit code 1)"));
  EXPECT_GE(world_.now() - start, std::chrono::seconds(30));
  world_.forget("wf");
  world_.run_to_rest();
  run(R"(
  entrypoint: main
  templates:
  - name: main
    retryStrategy: {limit: 5, expression: "asInt(lastRetry.exitCode) > 3 && asInt(retries) < 9"}
    container: {image: busybox, command: [exit, "3"]}
)");
  EXPECT_THAT(story(), ElementsAre("wf Retry Failed | retryStrategy.expression evaluated to false",
                                   "wf(0) Pod Failed | main: Error (exit code 3)"));
}

TEST_F(LanguageTest, TheWorkflowsRetryStrategyIsThatOfAllTemplatesWithoutOne) {
  run(R"(
  entrypoint: main
  retryStrategy: {limit: 1}
  templates:
  - name: main
    steps: [[{name: a, template: fail}]]
  - name: fail
    container: {image: busybox, command: [exit, "1"]}
)");
  EXPECT_THAT(story(), IsSupersetOf({"wf Retry Failed | No more retries left", "wf(1)[0].a Retry Failed | No more retries left",
                                       "wf(1)[0].a(1) Pod Failed | main: Error (exit code 1)"}));
}

TEST_F(LanguageTest, SuspendWaitsForItsTimeOrForResume) {
  submit(R"(
  entrypoint: main
  templates:
  - name: main
    outputs: {parameters: [{name: o, valueFrom: {parameter: "{{steps.ask.outputs.parameters.answer}}"}}]}
    steps:
    - - {name: nap, template: nap}
    - - {name: ask, template: ask}
  - name: nap
    suspend: {duration: 20}
  - name: ask
    suspend: {}
    outputs: {parameters: [{name: answer, valueFrom: {supplied: {}}}]}
)");
  world_.run_to_rest();
  EXPECT_THAT(story(), IsSupersetOf({"wf[0].nap Suspend Succeeded", "wf[1].ask Suspend Running"}));
  const auto is_ask = [](const engine::Run&, const engine::Node& n) { return n.display_name == "ask"; };
  Engine::NodeChange change;
  change.outputs = {{"answer", "yes"}};
  EXPECT_EQ(world_.apply(world_.engine().set_nodes("wf", is_ask, change, world_.now())), "");
  EXPECT_THAT(world_.apply(world_.engine().set_nodes("wf", is_ask, change, world_.now())), HasSubstr("already set"));
  EXPECT_EQ(world_.apply(world_.engine().resume("wf", nullptr, "Resumed by: me", world_.now())), "");
  world_.run_to_rest();
  EXPECT_EQ(end(), "Succeeded");
  EXPECT_EQ(node("wf[1].ask").message, "Resumed by: me");
  EXPECT_THAT(node("wf").outputs->parameters, ElementsAre(Parameter{"o", "yes"}));
}

TEST_F(LanguageTest, ASuspendedRunStartsNothingUntilItIsResumed) {
  submit(R"(
  entrypoint: main
  suspend: true
  templates:
  - name: main
    steps: [[{name: a, template: one}], [{name: b, template: one}]]
  - name: one
    container: {image: busybox, command: [sleep, "1000"]}
)");
  world_.run_to_rest();
  EXPECT_TRUE(stored().order.empty());
  world_.apply(world_.engine().resume("wf", nullptr, "", world_.now()));
  run_for(Duration(500));
  world_.apply(world_.engine().suspend("wf", world_.now()));
  run_for(Duration(100));  // until that is stored
  world_.crash();
  world_.run_to_rest();
  EXPECT_THAT(story(), Contains("wf[0].a Pod Succeeded"));
  EXPECT_EQ(stored().nodes.count("wf[1].b"), 0u);
  world_.apply(world_.engine().resume("wf", nullptr, "", world_.now()));
  world_.run_to_rest();
  EXPECT_EQ(end(), "Succeeded");
}

TEST_F(LanguageTest, AMutexLetsOneInAndSaysForWhatTheOthersWait) {
  submit(R"(
  entrypoint: main
  templates:
  - name: main
    steps: [[{name: a, template: one}, {name: b, template: one}]]
  - name: one
    synchronization: {mutexes: [{name: m}]}
    container: {image: busybox, command: [sleep, "1000"]}
)");
  run_for(Duration(100));
  EXPECT_THAT(story(), IsSupersetOf({"wf[0].a Pod Running", "wf[0].b Pod Pending | Waiting for default/Mutex/m lock. Lock status: 0/1"}));
  world_.crash();
  world_.run_to_rest();
  EXPECT_EQ(end(), "Succeeded");
  EXPECT_GE(*node("wf[0].b").finished - *node("wf[0].a").finished, Duration(1000));
}

TEST_F(LanguageTest, AMemoSavesTheSecondRun) {
  const std::string spec = R"(
  entrypoint: main
  templates:
  - name: main
    memoize: {key: "k-{{workflow.parameters.num}}", maxAge: 1h, cache: {configMap: {name: c}}}
    outputs: {parameters: [{name: o, valueFrom: {path: /o}}]}
    container: {image: busybox, command: [write, o, "value"]}
)";
  submit("  arguments: {parameters: [{name: num, value: 1}]}\n" + spec.substr(1));
  world_.run_to_rest();
  EXPECT_FALSE(node("wf").memo->hit);
  world_.forget("wf");
  world_.run_to_rest();
  submit("  arguments: {parameters: [{name: num, value: 1}]}\n" + spec.substr(1));
  world_.run_to_rest();
  EXPECT_TRUE(node("wf").memo->hit);
  EXPECT_THAT(node("wf").outputs->parameters, ElementsAre(Parameter{"o", "value"}));
  EXPECT_FALSE(node("wf").has_pod);
}

TEST_F(LanguageTest, RecursionEndsAtTheLimit) {
  run(R"(
  entrypoint: main
  templates:
  - name: main
    steps: [[{name: a, template: main}]]
)");
  EXPECT_EQ(stored().order.size(), 1u + 2u * 99u);
  EXPECT_THAT(story().back(), HasSubstr("Skipped Error | Maximum recursion depth exceeded"));
  EXPECT_THAT(end(), HasSubstr("Failed"));
}

TEST_F(LanguageTest, TemplatesOfOthersInlineOnesAndDefaults) {
  templates_["namespaced/lib"] = R"({"kind":"WorkflowTemplate","metadata":{"name":"lib"},"spec":{"templates":[
    {"name":"outer","inputs":{"parameters":[{"name":"x"}]},"steps":[[{"name":"in","template":"inner"}]]},
    {"name":"inner","container":{"image":"busybox","command":["exit","0"]}}]}})";
  run(R"(
  entrypoint: main
  templateDefaults: {retryStrategy: {limit: 1}, container: {image: busybox}}
  templates:
  - name: main
    retryStrategy: {limit: 0}
    dag:
      tasks:
      - name: a
        templateRef: {name: lib, template: outer}
        arguments: {parameters: [{name: x, value: v}]}
      - name: b
        inline: {container: {command: [exit, "0"]}}
)");
  EXPECT_EQ(end(), "Succeeded");
  EXPECT_THAT(story(), IsSupersetOf({"wf(0).a Retry Succeeded", "wf(0).a(0) Steps Succeeded", "wf(0).b Retry Succeeded",
                                     "wf(0).a(0)[0].in(0) Pod Succeeded"}));
  EXPECT_EQ(node("wf(0).a(0)[0].in").template_scope, "namespaced/lib");
  EXPECT_EQ(node("wf(0).a").template_ref, "lib/outer");
}

TEST_F(LanguageTest, AWorkflowMadeOfATemplate) {
  templates_["cluster/lib"] = R"({"kind":"ClusterWorkflowTemplate","metadata":{"name":"lib"},"spec":{"entrypoint":"main",
    "arguments":{"parameters":[{"name":"x","value":"old"},{"name":"y","value":"kept"}]},
    "templates":[{"name":"main","container":{"image":"busybox","command":["print","{{workflow.parameters.x}}-{{workflow.parameters.y}}"]}}]}})";
  run(R"(
  workflowTemplateRef: {name: lib, clusterScope: true}
  arguments: {parameters: [{name: x, value: new}]}
)");
  EXPECT_THAT(story(), ElementsAre("wf Pod Succeeded"));
  EXPECT_EQ(node("wf").template_scope, "local/");
}

TEST_F(LanguageTest, ADaemonServesUntilItsGraphEnds) {
  run(R"(
  entrypoint: main
  templates:
  - name: main
    steps:
    - - {name: server, template: server}
    - - {name: client, template: print, arguments: {parameters: [{name: x, value: "ip={{steps.server.ip}}"}]}}
  - name: server
    daemon: true
    container: {image: busybox, command: [sleep, "100000000"]}
)" + kPrint);
  EXPECT_EQ(end(), "Succeeded");
  EXPECT_THAT(story(), IsSupersetOf({"wf[0].server Pod Succeeded", "wf[1].client Pod Succeeded"}));
  EXPECT_THAT(input("wf[1].client"), HasSubstr("ip="));
  EXPECT_EQ(world_.runtime().pods(), 0u);
}

TEST_F(LanguageTest, AContainerSetIsOneStepWithANodeForEachContainer) {
  run(R"(
  entrypoint: main
  templates:
  - name: main
    containerSet:
      containers:
      - {name: a, image: busybox}
      - {name: main, image: busybox, dependencies: [a]}
)");
  EXPECT_THAT(story(), ElementsAre("wf Pod Succeeded", "wf.a Container Succeeded", "wf.main Container Succeeded"));
  EXPECT_EQ(node("wf").outputs->exit_code, "0");
  EXPECT_THAT(node("wf.a").children, ElementsAre(id("wf.main")));
}

TEST_F(LanguageTest, GlobalOutputsAreTheRuns) {
  run(R"(
  entrypoint: main
  templates:
  - name: main
    steps:
    - - {name: a, template: out}
    - - {name: b, template: print, arguments: {parameters: [{name: x, value: "{{workflow.outputs.parameters.shared}}"}]}}
  - name: out
    outputs: {parameters: [{name: o, globalName: shared, valueFrom: {path: /o}}]}
    container: {image: busybox, command: [write, o, value]}
)" + kPrint);
  EXPECT_EQ(end(), "Succeeded");
  EXPECT_EQ(input("wf[1].b"), "value");
  EXPECT_THAT(stored().status.outputs.parameters, ElementsAre(Parameter{"shared", "value"}));
}

}  // namespace
}  // namespace gantry::engine
