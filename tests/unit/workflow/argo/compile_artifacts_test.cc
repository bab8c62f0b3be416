// Artifacts in workflow files: what is refused, and what a plan holds.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/workflows.h"
#include "workflow/artifact_path.h"

namespace gantry::workflow {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string pod(const std::string& more) {
  return "  - name: main\n    container: {image: busybox, volumeMounts: [{name: v, mountPath: /v}]}\n    volumes: "
         "[{name: v, emptyDir: {}}]\n" + more;
}
std::string call(const std::string& arguments, const std::string& input = "{name: in, path: /in}") {
  return "  - name: main\n    dag:\n      tasks:\n      - {name: make, template: make}\n"
         "      - {name: take, template: take, DEPENDS arguments: {artifacts: [" + arguments + "]}}\n"
         "  - {name: make, container: {image: a}, outputs: {artifacts: [{name: out, path: /out}]}}\n"
         "  - {name: take, container: {image: a}, inputs: {artifacts: [" + input + "]}}\n";
}
std::string depending(std::string text) { return text.replace(text.find("DEPENDS "), 8, "depends: make, "); }
std::string independent(std::string text) { return text.replace(text.find("DEPENDS "), 8, ""); }

struct Case {
  std::string templates;
  const char* error;
};

TEST(CompileArtifacts, EachMistakeIsNamed) {
  const Case cases[] = {
      {pod("    inputs: {artifacts: [{name: a, optional: true}]}\n"), "templates.main.inputs.artifacts.a: Artifact 'a' did not specify a path"},
      {pod("    inputs: {artifacts: [{name: a, path: in, raw: {data: x}}]}\n"), "must begin with /"},
      {pod("    outputs: {artifacts: [{name: a, path: /safe/../etc}]}\n"), "Directory traversal is not permitted"},
      {pod("    outputs: {artifacts: [{name: a, path: /}]}\n"), "cannot be the whole file system"},
      {pod("    inputs: {artifacts: [{name: a, path: /v, raw: {data: x}}]}\n"),
       "inputs.artifacts[0].path '/v' already mounted in container.volumeMounts.v"},
      {pod("    inputs: {artifacts: [{name: a, path: /a, raw: {data: x}}, {name: b, path: /a, raw: {data: y}}]}\n"),
       "path '/a' already mounted in inputs.artifacts.a"},
      {pod("    inputs: {artifacts: [{name: a, path: /a, raw: {data: x}, from: '{{workflow.name}}'}]}\n"),
       "templates.main.inputs.artifacts.a.from not valid in inputs"},
      {pod("    inputs: {artifacts: [{name: a, path: /a, mode: 512, raw: {data: x}}]}\n"), "between 0 and 0777"},
      {pod("    inputs: {artifacts: [{name: a, path: /a, optional: true, git: {revision: x}}]}\n"), "inputs.artifacts.a.git.repo is required"},
      {pod("    inputs: {artifacts: [{name: a, path: /a, git: {repo: x}, raw: {data: x}}]}\n"), "an artifact is kept in one place"},
      {pod("    inputs: {artifacts: [{name: a, path: /a, git: {repo: x, brunch: y}}]}\n"), "unknown field \"brunch\""},
      {pod("    outputs: {artifacts: [{name: a, path: /a, raw: {data: x}}]}\n"), "outputs.artifacts.a.raw: nothing can be saved there"},
      {pod("    outputs: {artifacts: [{name: a, path: /a, archive: {tar: {compressionLevel: 10}}}]}\n"), "expected 0 to 9, found 10"},
      {pod("    outputs: {artifacts: [{name: a, path: /a, archive: {none: {}, zip: {}}}]}\n"), "choose one of: tar, none, zip"},
      {pod("    outputs: {artifacts: [{name: a, path: /a, artifactGC: {strategy: Soon}}]}\n"), "found \"Soon\""},
      {pod("    outputs: {artifacts: [{name: a, path: /a, globalName: 'a b'}]}\n"), "outputs.artifacts.a.globalName"},
      {pod("    outputs: {artifacts: [{name: a, path: /a}, {name: a, path: /b}]}\n"), "is not unique"},
      {pod("    outputs: {artifacts: [{name: a, path: '/{{inputs.parameters.x}}'}]}\n"), "failed to resolve {{inputs.parameters.x}}"},
      {pod("    inputs: {artifacts: [{name: a, path: /a, s3: {key: '{{inputs.parameters.x}}'}}]}\n"),
       "failed to resolve {{inputs.parameters.x}}"},
      {"  - name: main\n    steps: []\n    outputs: {artifacts: [{name: a, path: /a}]}\n", "path only valid in container/script templates"},
      {depending(call("")), "templates.take inputs.artifacts.in was not supplied"},
      {depending(call("{name: in}")), "arguments.in.from, artifact location, or key is required"},
      {depending(call("{name: in, s3: {bucket: b}}")), "arguments.in.from, artifact location, or key is required"},
      {depending(call("{name: in, from: '{{tasks.make.outputs.artifacts.uot}}'}")), "did you mean {{tasks.make.outputs.artifacts.out}}?"},
      {independent(call("{name: in, from: '{{tasks.make.outputs.artifacts.out}}'}")), "missing dependency 'make' for artifact 'in'"},
      {depending(call("{name: in, from: '{{tasks.make.outputs.artifacts.out}}', fromExpression: tasks.make}")),
       "shouldn't have both `from` and `fromExpression`"},
  };
  for (const Case& one : cases) {
    EXPECT_THAT(errors_of_templates(one.templates), ElementsAre(HasSubstr(one.error))) << one.templates;
  }
}

TEST(CompileArtifacts, WhatIsGood) {
  for (const std::string& good : {
           depending(call("{name: in, from: '{{tasks.make.outputs.artifacts.out}}', subPath: a/b}")),
           depending(call("", "{name: in, path: /in, optional: true}")),
           depending(call("", "{name: in, path: /in, http: {url: 'http://x/{{workflow.name}}', headers: [{name: a, value: b}]}}")),
           depending(call("{name: in, fromExpression: 'tasks.make.outputs.artifacts.out'}")),
           pod("    archiveLocation: {archiveLogs: true, s3: {key: x}}\n    outputs: {artifacts: [{name: a, path: '/{{pod.name}}'}]}\n"),
       }) {
    EXPECT_THAT(errors_of_templates(good), IsEmpty()) << good;
  }
}

TEST(CompileArtifacts, AResultThatAnExpressionReadsIsCaptured) {
  const auto outcome = compile_yaml(workflow_yaml(
      "  entrypoint: main\n  templates:\n  - name: main\n    dag:\n      tasks:\n      - {name: flip, template: flip}\n"
      "    outputs: {artifacts: [{name: a, fromExpression: \"tasks['flip'].outputs.result == 'x' ? tasks.flip.outputs.artifacts.o : nil\"}]}\n"
      "  - {name: flip, container: {image: a}, outputs: {artifacts: [{name: o, path: /o}]}}\n"));
  ASSERT_THAT(outcome.diagnostics, IsEmpty());
  EXPECT_TRUE(outcome.compiled.front().plan->graphs[0].tasks[0].captures_result);
}

TEST(JsonTemplate, ValuesStayInTheirStrings) {
  Diagnostics diagnostics;
  const auto document = Document::parse_yaml(R"(a: ["{{x}}", 'p{{x}}s', 1, true, {"{{x}}": null}])"
                                             "\nb: '{{=\"q\\\"\" + x}}'",
                                             Limits{}, diagnostics);
  ASSERT_FALSE(diagnostics.has_errors());
  const auto text = JsonTemplate::of(*document.roots().front(), [](Mark, const Error& bad) { FAIL() << bad.message; });
  struct X : Scope {
    [[nodiscard]] std::optional<std::string> lookup(std::string_view) const override { return "\",\n{"; }
  } scope;
  EXPECT_EQ(text.render([&](const Text& one) { return one.render(scope); }).value_or("?"),
            R"json({"a":["\",\n{","p\",\n{s",1,true,{"\",\n{":null}],"b":"q\"\",\n{"})json");
  EXPECT_EQ(JsonTemplate::wrapped("k", text).render([](const Text&) { return std::string("v"); }).value_or("?"),
            R"({"k":{"a":["v","v",1,true,{"v":null}],"b":"v"}})");
}

TEST(ArtifactPath, IsCleaned) {
  EXPECT_EQ(clean_artifact_path("a", "/x//y/./z/").value_or("?"), "/x/y/z");
  EXPECT_EQ(clean_artifact_path("a", "/x/../x/y").value_or("?"), "/x/y");
  for (const char* bad : {"", "x", "/", "/x/..", "/x/../y" }) EXPECT_FALSE(clean_artifact_path("a", bad)) << bad;
}

}  // namespace
}  // namespace gantry::workflow
