// What surrounds runs and pods: workflowMetadata, podMetadata, shutdown, pendingTimeout, podSpecPatch.

#include "daemon/engine/pod_spec.h"
#include "tests/unit/engine/engine_fixture.h"

namespace gantry::engine {
namespace {

using namespace std::chrono_literals;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

class SurroundingsTest : public EngineTest {
 protected:
  /// The pod that the spec's only step becomes.
  runtime::PodSpec pod_of(const std::string& spec) {
    std::optional<runtime::PodSpec> seen;
    World::Options options = EngineTest::options();
    options.author = [&seen](const runtime::PodSpec& pod) {
      seen = pod;
      return interpret(pod);
    };
    workflow::Diagnostics diagnostics;
    auto compiled = workflow::compile_workflows(
        "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata: {name: wf}\nspec:\n" + spec,
        workflow::Format::Yaml, {}, diagnostics);
    for (const auto& item : diagnostics.items()) ADD_FAILURE() << workflow::to_string(item, "test.yaml");
    World world(options);
    if (compiled.size() == 1) world.submit("wf", compiled.front().plan);
    world.run_to_rest();
    EXPECT_TRUE(seen);
    return seen.value_or(runtime::PodSpec());
  }
};

TEST_F(SurroundingsTest, ARunIsLabelledWhenItIsAccepted) {
  run(R"(
  entrypoint: main
  arguments: {parameters: [{name: who, value: me}]}
  workflowMetadata:
    labels: {a: b}
    annotations: {note: "any text!"}
    labelsFrom: {who: {expression: "workflow.parameters.who + '-' + workflow.name"}}
  templates:
  - {name: main, container: {image: busybox, command: [print, "{{workflow.labels.who}}"]}}
)");
  EXPECT_EQ(end(), "Succeeded");
  EXPECT_THAT(stored().info.labels, Contains(Pair("a", "b")));
  EXPECT_THAT(stored().info.labels, Contains(Pair("who", "me-wf")));
  EXPECT_THAT(stored().info.annotations, Contains(Pair("note", "any text!")));
}

TEST_F(SurroundingsTest, ALabelThatIsNoneEndsTheRun) {
  run(R"(
  entrypoint: main
  workflowMetadata: {labelsFrom: {x: {expression: "'a b'"}}}
  templates: [{name: main, container: {image: busybox, command: [exit, '0']}}]
)");
  EXPECT_THAT(end(), HasSubstr("Error | invalid label value \"a b\" for label \"x\" and expression \"'a b'\": a valid label"));
  EXPECT_TRUE(stored().nodes.empty());
}

TEST_F(SurroundingsTest, AnExpressionMustGiveAText) {
  run(R"(
  entrypoint: main
  workflowMetadata: {labelsFrom: {x: {expression: "1 + 1"}}}
  templates: [{name: main, container: {image: busybox, command: [exit, '0']}}]
)");
  EXPECT_EQ(end(), "Error | failed to evaluate label \"x\" expression \"1 + 1\" evaluted to int but must be a string");
}

TEST_F(SurroundingsTest, AFileMaySayThatItIsStopped) {
  run(R"(
  entrypoint: main
  shutdown: Stop
  onExit: bye
  templates:
  - {name: main, container: {image: busybox, command: [exit, '0']}}
  - {name: bye, container: {image: busybox, command: [exit, '0']}}
)");
  EXPECT_EQ(end(), "Failed | Stopped with strategy 'Stop'");
  EXPECT_EQ(node("wf").message, "workflow shutdown with strategy:  Stop");
  EXPECT_EQ(node("wf.onExit").phase, Phase::Succeeded);
  EXPECT_EQ(world_.retry("wf"), "");
  world_.run_to_rest();
  EXPECT_EQ(end(), "Succeeded") << "a retry is not stopped again";
}

TEST_F(SurroundingsTest, ANodeMayWaitOnlySoLong) {
  submit(R"(
  entrypoint: main
  templates:
  - name: main
    dag: {tasks: [{name: big, template: big}, {name: late, template: late}]}
  - {name: big, container: {image: busybox, command: [sleep, '9000'], resources: {requests: {cpu: '2'}}}}
  - {name: late, pendingTimeout: 2s, container: {image: busybox, command: [exit, '0'], resources: {requests: {cpu: '1'}}}}
)");
  world_.run_to_rest();
  EXPECT_THAT(story(), Contains("wf.late Pod Failed | timeout"));
  EXPECT_EQ(node("wf.big").phase, Phase::Succeeded);
}

TEST_F(SurroundingsTest, PendingTimeoutLeavesWhatRunsAlone) {
  run(R"(
  entrypoint: main
  templates: [{name: main, pendingTimeout: 2s, container: {image: busybox, command: [sleep, '9000']}}]
)");
  EXPECT_EQ(end(), "Succeeded");
}

TEST_F(SurroundingsTest, MaxDurationIsTimeThatPassesWhateverTheClockSays) {
  const auto submit_retried = [&] {
    submit(R"(
  entrypoint: main
  templates:
  - name: main
    retryStrategy: {limit: 5, backoff: {duration: 10m, maxDuration: 30m}}
    container: {image: busybox, command: [fail-until, '2', '{{retries}}']}
)");
  };
  for (const auto by : {2h, -2h}) {
    submit_retried();
    run_for(5min);
    world_.set_clock(by);
    world_.run_to_rest();
    EXPECT_EQ(end(), "Succeeded") << by.count();
    world_.forget("wf");
    world_.run_to_rest();
  }
}

TEST_F(SurroundingsTest, PodsHaveTheWorkflowsLabelsAndTheTemplates) {
  const auto pod = pod_of(R"(
  entrypoint: main
  podMetadata: {labels: {a: workflow, b: workflow, gantry.io/run: mine}}
  templates:
  - name: main
    metadata: {labels: {b: "{{workflow.name}}"}}
    container: {image: busybox, command: [exit, '0']}
)");
  EXPECT_EQ(pod.labels.at("a"), "workflow");
  EXPECT_EQ(pod.labels.at("b"), "wf");
  EXPECT_EQ(pod.labels.at("gantry.io/run"), "wf") << "the daemon's own are not the user's";
}

TEST_F(SurroundingsTest, PodsSayWhatTheyAreMadeOf) {
  const auto hash = [&](const std::string& argument, const std::string& grace = "5") {
    return pod_of(R"(
  entrypoint: main
  arguments: {parameters: [{name: p, value: ")" + argument + R"("}]}
  templates:
  - name: main
    podSpecPatch: '{"terminationGracePeriodSeconds": )" + grace + R"(}'
    container: {image: busybox, command: [echo, "{{workflow.parameters.p}}"]}
)").labels.at(kSpecHashLabel);
  };
  EXPECT_EQ(hash("a"), hash("a"));
  EXPECT_NE(hash("a"), hash("b"));
  EXPECT_NE(hash("a"), hash("a", "6"));
}

TEST_F(SurroundingsTest, APatchIsRenderedAndLaidOverThePod) {
  const auto pod = pod_of(R"(
  entrypoint: main
  arguments: {parameters: [{name: cpu, value: 300m}]}
  imagePullSecrets: [{name: registry}]
  podSpecPatch: '{"containers":[{"name":"main","resources":{"requests":{"cpu":"{{workflow.parameters.cpu}}"}}}],"imagePullSecrets":[{"name":"other"}]}'
  templates:
  - name: main
    podSpecPatch: |
      hostNetwork: true
      volumes: [{name: scratch, emptyDir: {}}]
      containers:
      - name: main
        image: alpine
        volumeMounts: [{name: scratch, mountPath: /scratch}]
    container: {image: busybox, command: [exit, '0']}
)");
  EXPECT_EQ(pod.containers[0].image, "alpine");
  EXPECT_EQ(pod.containers[0].resources.cpu_request_milli, 300);
  ASSERT_EQ(pod.volumes.size(), 2u);
  EXPECT_EQ(pod.volumes[0].name, "scratch");
  EXPECT_EQ(pod.network, runtime::Network::Host);
  EXPECT_THAT(pod.image_pull_secrets, ElementsAre("registry", "other"));
}

TEST_F(SurroundingsTest, VolumesOfTheWorkflowMayNameWhatATaskGave) {
  const auto pod = pod_of(R"(
  entrypoint: main
  volumes: [{name: cfg, configMap: {name: "{{tasks.producer.outputs.parameters.name}}", optional: true}}]
  templates:
  - name: main
    dag:
      tasks:
      - {name: producer, template: produce, when: "false"}
      - {name: consumer, template: consume, depends: "producer.Succeeded || producer.Skipped"}
  - name: produce
    outputs: {parameters: [{name: name, valueFrom: {path: /tmp/out, default: rescued}}]}
    container: {image: busybox, command: [exit, '0']}
  - {name: consume, container: {image: busybox, command: [exit, '0'], volumeMounts: [{name: cfg, mountPath: /cfg}]}}
)");
  ASSERT_EQ(pod.volumes.size(), 2u);
  EXPECT_EQ(std::get<runtime::Files>(pod.volumes[0].source).from.name, "rescued");
}

TEST_F(SurroundingsTest, AnExitHandlerThatCannotBeMade) {
  submit(R"(
  entrypoint: main
  onExit: bye
  templates:
  - {name: main, container: {image: busybox, command: [exit, '0']}}
  - {name: bye, container: {image: busybox, command: [exit, '0'], volumeMounts: [{name: foo, mountPath: /foo}]}}
)");
  world_.run_to_rest();
  EXPECT_EQ(end(), "Error | error in exit template execution : volume 'foo' not found in workflow spec");
  EXPECT_EQ(node("wf.onExit").message, "volume 'foo' not found in workflow spec");
}

TEST_F(SurroundingsTest, APatchThatIsNoneIsTheNodesError) {
  run(R"(
  entrypoint: main
  arguments: {parameters: [{name: patch, value: "containers: {"}]}
  templates:
  - {name: main, podSpecPatch: "{{workflow.parameters.patch}}", container: {image: busybox, command: [exit, '0']}}
)");
  EXPECT_THAT(end(), HasSubstr("Error | error in entry template execution: Error applying PodSpecPatch: invalid podSpecPatch \"containers: {\": "));
}

TEST_F(SurroundingsTest, PodResourcesAreThoseOfItsOneContainer) {
  const runtime::PodSpec pod = pod_of(R"(
  entrypoint: main
  podResources: {requests: {cpu: 100m, memory: 64Mi}, limits: {cpu: "1", memory: 256Mi}}
  templates:
  - name: main
    container: {image: busybox, command: [exit, "0"], resources: {limits: {cpu: "4"}}})");
  const runtime::Resources& own = pod.containers.front().resources;
  EXPECT_EQ(own.cpu_limit_milli, 1000);
  EXPECT_EQ(own.memory_limit_bytes, 256 << 20);
  EXPECT_EQ(own.cpu_request_milli, 100);
}

TEST_F(SurroundingsTest, AProgramSaysHowFarItIs) {
  run(R"(
  entrypoint: main
  templates:
  - name: main
    steps:
    - - {name: half, template: say, arguments: {parameters: [{name: t, value: 5/9}]}}
      - {name: odd, template: say, arguments: {parameters: [{name: t, value: 9/5}]}}
  - name: say
    inputs: {parameters: [{name: t}]}
    container: {image: busybox, command: [write, $ARGO_PROGRESS_FILE, "{{inputs.parameters.t}}"]})");
  EXPECT_EQ(node("wf[0].half").progress_done, 5u);
  EXPECT_EQ(node("wf[0].half").progress_total, 9u);
  EXPECT_EQ(node("wf[0].odd").progress_total, 0u) << "nonsense is nothing said";
}

TEST_F(SurroundingsTest, AProgramSaysHowFarItIsWhileItRuns) {
  submit(R"(
  entrypoint: main
  templates:
  - name: main
    container: {image: busybox, command: [sleep, "9000"]})");
  run_for(Duration(5000));
  ASSERT_EQ(node("wf").phase, Phase::Running);
  const std::string pod = pod_id(stored().info, node("wf"));
  const auto said = [&](const std::string& output, const std::string& text) {
    world_.on_output(pod, output, text);
    run_for(Duration(100));
    return std::pair(node("wf").progress_done, node("wf").progress_total);
  };
  EXPECT_EQ(said(kProgressOutput, "3/8\n"), std::pair(3u, 8u));
  EXPECT_EQ(said(kProgressOutput, "soon"), std::pair(3u, 8u)) << "nonsense is nothing said";
  EXPECT_EQ(said("another file", "5/8"), std::pair(3u, 8u));
  world_.on_output("no such pod", kProgressOutput, "5/8");
  world_.run_to_rest();
  EXPECT_EQ(node("wf").phase, Phase::Succeeded);
}

}  // namespace
}  // namespace gantry::engine
