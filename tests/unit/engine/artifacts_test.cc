// Artifacts: what calls hand over, what pods are told to load and save, what nodes show.

#include "base/ids.h"
#include "tests/unit/engine/engine_fixture.h"

namespace gantry::engine {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<std::string> names(const std::vector<Artifact>& artifacts) {
  std::vector<std::string> out;
  for (const Artifact& artifact : artifacts) {
    out.push_back(artifact.name + " " + artifact.location + (artifact.sub_path.empty() ? "" : " /" + artifact.sub_path) +
                  (artifact.path.empty() ? "" : " at " + artifact.path));
  }
  return out;
}

class ArtifactsTest : public EngineTest {
 protected:
  std::vector<std::string> inputs(const std::string& name) { return names(node(name).inputs.artifacts); }
  std::vector<std::string> outputs(const std::string& name) { return names(node(name).outputs->artifacts); }

  const std::string kMakeAndTake = R"(
  - name: make
    container: {image: busybox, command: [exit, "0"]}
    outputs: {artifacts: [{name: out, path: /tmp/../tmp/out}]}
  - name: take
    inputs: {artifacts: [{name: in, path: /in, mode: 420}]}
    container: {image: busybox, command: [exit, "0"]}
)";
};

TEST_F(ArtifactsTest, AnOutputGoesOnFromStepToStep) {
  run(R"(
  entrypoint: main
  templates:
  - name: main
    steps:
    - - {name: make, template: make}
    - - name: take
        template: take
        arguments: {artifacts: [{name: in, from: "{{steps.make.outputs.artifacts.out}}", subPath: "a/{{workflow.name}}"}]}
    outputs: {artifacts: [{name: given, from: "{{steps.make.outputs.artifacts.out}}"}]})" +
      kMakeAndTake);
  EXPECT_EQ(end(), "Succeeded");
  const std::string key = R"({"s3":{"key":"wf/wf-make-)" + std::to_string(fnv32a("wf[0].make")) + R"(/out.tgz"}})";
  EXPECT_THAT(outputs("wf[0].make"), ElementsAre("out " + key + " at /tmp/out"));
  EXPECT_THAT(inputs("wf[1].take"), ElementsAre("in " + key + " /a/wf at /in"));
  EXPECT_EQ(node("wf[1].take").inputs.artifacts.front().mode, 420u);
  EXPECT_THAT(outputs("wf"), ElementsAre("given " + key + " at /tmp/out"));
}

TEST_F(ArtifactsTest, ArgumentsOfTheWorkflowAndInputsOfItsOwn) {
  run(R"(
  entrypoint: main
  arguments:
    parameters: [{name: who, value: "a \"b\""}]
    artifacts: [{name: text, raw: {data: "hello {{workflow.parameters.who}}"}}]
  templates:
  - name: main
    inputs:
      parameters: [{name: where, value: in}]
      artifacts:
      - {name: text, path: "/{{inputs.parameters.where}}/text"}
      - {name: code, path: /code, git: {repo: "https://example.com/{{inputs.parameters.where}}.git", depth: 1}}
      - {name: maybe, path: /maybe, optional: true}
    container: {image: busybox, command: [print, "{{inputs.artifacts.text.path}} {{outputs.artifacts.o.path}}"]}
    outputs: {artifacts: [{name: o, path: "/{{inputs.parameters.where}}/o", archive: {none: {}}}]})");
  EXPECT_EQ(end(), "Succeeded");
  EXPECT_THAT(inputs("wf"), ElementsAre(R"(text {"raw":{"data":"hello a \"b\""}} at /in/text)",
                                        R"(code {"git":{"repo":"https://example.com/in.git","depth":1}} at /code)",
                                        "maybe  at /maybe"));
  EXPECT_THAT(outputs("wf"), ElementsAre(R"(o {"s3":{"key":"wf/wf/o"}} at /in/o)"));
}

TEST_F(ArtifactsTest, AnExpressionChooses) {
  run(R"(
  entrypoint: main
  templates:
  - name: main
    dag:
      tasks:
      - {name: flip, template: flip}
      - {name: heads, template: make, depends: flip, when: "{{tasks.flip.outputs.result}} == heads"}
      - {name: tails, template: make, depends: flip, when: "{{tasks.flip.outputs.result}} == tails"}
    outputs:
      artifacts:
      - name: chosen
        fromExpression: "tasks.flip.outputs.result == 'heads' ? tasks.heads.outputs.artifacts.out : tasks.tails.outputs.artifacts.out"
      - {name: none, optional: true, from: "{{tasks.tails.outputs.artifacts.out}}"}
  - name: flip
    container: {image: busybox, command: [print, heads]})" +
      kMakeAndTake);
  EXPECT_EQ(end(), "Succeeded");
  EXPECT_THAT(outputs("wf"), ElementsAre(HasSubstr("chosen {\"s3\":{\"key\":\"wf/wf-make-")));
}

TEST_F(ArtifactsTest, WhatASkippedStepWouldHaveGiven) {
  const std::string skipped = R"(
  entrypoint: main
  templates:
  - name: main
    steps:
    - - {name: make, template: make, when: "false"}
    - - name: take
        template: TAKE
        arguments: {artifacts: [{name: in, from: "{{steps.make.outputs.artifacts.out}}"}]}
  - name: lenient
    inputs: {artifacts: [{name: in, path: /in, optional: true}]}
    container: {image: busybox, command: [exit, "0"]})" + kMakeAndTake;
  const auto with = [&](const std::string& name) {
    std::string spec = skipped;
    spec.replace(spec.find("TAKE"), 4, name);
    return spec;
  };
  run(with("lenient"));
  EXPECT_EQ(end(), "Succeeded");
  EXPECT_THAT(inputs("wf[1].take"), ElementsAre("in  at /in"));
}

TEST_F(ArtifactsTest, WhatASkippedStepWouldHaveGivenIsAskedFor) {
  run(R"(
  entrypoint: main
  templates:
  - name: main
    steps:
    - - {name: make, template: make, when: "false"}
    - - name: take
        template: take
        arguments: {artifacts: [{name: in, from: "{{steps.make.outputs.artifacts.out}}"}]})" +
      kMakeAndTake);
  EXPECT_THAT(story(), Contains("wf[1].take Skipped Error | inputs.artifacts.in missing location information"));
}

TEST_F(ArtifactsTest, AMissingOutputIsAnErrorUnlessItIsOptional) {
  run(R"(
  entrypoint: main
  templates:
  - name: main
    container: {image: busybox, command: [lose, gone, maybe]}
    outputs:
      artifacts:
      - {name: there, path: /there}
      - {name: maybe, path: /maybe, optional: true}
      - {name: gone, path: /gone})");
  EXPECT_EQ(end(), "Error | wait: Error (exit code 64): artifact gone at /gone: open /gone: no such file or directory; ");
  EXPECT_THAT(outputs("wf"), ElementsAre(HasSubstr("there")));
}

TEST_F(ArtifactsTest, GlobalArtifactsAndHooks) {
  run(R"(
  entrypoint: main
  onExit: last
  templates:
  - name: main
    steps:
    - - name: make
        template: make
        hooks:
          exit: {template: take, arguments: {artifacts: [{name: in, from: "{{steps.make.outputs.artifacts.out}}"}]}}
    - - name: take
        template: take
        arguments: {artifacts: [{name: in, from: "{{workflow.outputs.artifacts.shared}}"}]}
  - name: last
    steps:
    - - name: take
        template: take
        arguments: {artifacts: [{name: in, from: "{{workflow.outputs.artifacts.shared}}"}]}
  - name: make
    container: {image: busybox, command: [exit, "0"]}
    outputs: {artifacts: [{name: out, path: /out, globalName: shared, archive: {zip: {}}}]}
  - name: take
    inputs: {artifacts: [{name: in, path: /in}]}
    container: {image: busybox, command: [exit, "0"]})");
  EXPECT_EQ(end(), "Succeeded");
  EXPECT_THAT(names(stored().status.outputs.artifacts), ElementsAre(HasSubstr("shared {\"s3\":{\"key\":\"wf/wf-make-")));
  for (const char* name : {"wf[0].make.onExit", "wf[1].take", "wf.onExit[0].take"}) {
    EXPECT_THAT(inputs(name), ElementsAre(HasSubstr("/out.zip\"}} at /in"))) << name;
  }
}

TEST_F(ArtifactsTest, NamesThatVary) {
  run(R"(
  entrypoint: main
  templates:
  - name: main
    steps:
    - - name: make
        template: make
        arguments: {parameters: [{name: x, value: "{{item}}"}]}
        withItems: [car, bike]
    - - {name: take, template: take, arguments: {artifacts: [{name: in, from: "{{workflow.outputs.artifacts.g-bike}}"}]}}
  - name: make
    inputs: {parameters: [{name: x}]}
    container: {image: busybox, command: [exit, "0"]}
    outputs: {artifacts: [{name: "r-{{inputs.parameters.x}}", path: /out, globalName: "g-{{inputs.parameters.x}}"}]}
  - name: take
    inputs: {artifacts: [{name: in, path: /in}]}
    container: {image: busybox, command: [exit, "0"]})");
  EXPECT_EQ(end(), "Succeeded");
  EXPECT_THAT(inputs("wf[1].take"), ElementsAre(HasSubstr("/r-bike.tgz")));
  EXPECT_THAT(outputs("wf[0].make(0:car)"), ElementsAre(HasSubstr("r-car {")));
}

TEST_F(ArtifactsTest, LogsAndPlacesOfATemplate) {
  run(R"(
  entrypoint: main
  archiveLogs: true
  artifactGC: {strategy: OnWorkflowDeletion}
  templates:
  - name: main
    steps:
    - - {name: a, template: here}
      - {name: b, template: silent}
  - name: here
    archiveLocation: {s3: {bucket: b, key: "logs/{{workflow.name}}/{{pod.name}}"}}
    container: {image: busybox, command: [exit, "0"]}
    outputs:
      artifacts:
      - {name: o, path: /o, artifactGC: {strategy: OnWorkflowCompletion}}
      - {name: own, path: /own, s3: {key: mine}}
  - name: silent
    archiveLocation: {archiveLogs: false}
    container: {image: busybox, command: [exit, "0"]})");
  EXPECT_EQ(end(), "Succeeded");
  const std::string place = R"({"s3":{"key":"logs/wf/wf-here-)" + std::to_string(fnv32a("wf[0].a")) + "/";
  EXPECT_THAT(outputs("wf[0].a"), ElementsAre("o " + place + "o.tgz\",\"bucket\":\"b\"}} at /o",
                                              R"(own {"s3":{"key":"mine"}} at /own)"))
      << "the simulation saves no logs";
  EXPECT_TRUE(node("wf[0].a").outputs->artifacts[0].deleted);
  EXPECT_FALSE(node("wf[0].a").outputs->artifacts[1].deleted);
  EXPECT_EQ(node("wf[0].a").outputs->artifacts[1].gc, "OnWorkflowDeletion");
  EXPECT_THAT(outputs("wf[0].b"), IsEmpty());
}

TEST(Artifact, JsonAndBack) {
  const Artifact artifact{.name = "a",
                          .path = "/p",
                          .location = R"({"s3":{"key":"k","bucket":"b"}})",
                          .sub_path = "below",
                          .archive = R"({"tar":{"compressionLevel":9}})",
                          .mode = 0644,
                          .recurse_mode = true,
                          .optional = true,
                          .global_name = "g",
                          .gc = "Never",
                          .deleted = true};
  const auto back = artifact_from_json(artifact_json(artifact));
  ASSERT_TRUE(back);
  EXPECT_EQ(*back, artifact);
  for (const char* bad : {"", "text", "[]", "{}", R"({"path":"/x"})"}) EXPECT_FALSE(artifact_from_json(bad)) << bad;
}

}  // namespace
}  // namespace gantry::engine
