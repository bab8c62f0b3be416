#include "workflow/parse.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/support/workflows.h"

namespace gantry::workflow {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr const char* kHello =
    "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata: {name: hello}\nspec:\n  "
    "entrypoint: a\n  templates:\n"
    "  - {name: a, container: {image: b}}\n";

TEST(CompileWorkflows, TakesEveryDocumentOfAFile) {
  const auto outcome =
      compile_yaml(std::string("---\n") + kHello + "---\n# nothing\n---\n" + kHello);
  EXPECT_THAT(outcome.diagnostics, IsEmpty());
  EXPECT_EQ(outcome.compiled.size(), 2u);
}

TEST(CompileWorkflows, RefusesWhatIsNoWorkflow) {
  const std::pair<std::string, const char*> kCases[] = {
      {"", "1:1: no Workflow found: the document is empty"},
      {"# comment\n---\n", "1:1: no Workflow found: the document is empty"},
      {"a string\n", "1:1: expected a Workflow object, found a string"},
      {"- a\n", "1:1: expected a Workflow object, found a list"},
      {"kind: CronWorkflow\n", "1:7: expected a Workflow, found a CronWorkflow"},
      {"a: b\n", "1:1: Object 'Kind' is missing"},
      {"kind: Workflow\napiVersion: argoproj.io/v2\n",
       "2:13: not supported yet: apiVersion argoproj.io/v2"},
      {"kind: Workflow\napiVersion: v1\n",
       "2:13: apiVersion of a Workflow is argoproj.io/v1alpha1, found \"v1\""},
      {"kind: Workflow\nmetadata: {name: a}\n", "spec.entrypoint is required"},
      {"kind: Workflow\nmetadata: {name: a}\nspec: abc\n",
       "3:7: spec: expected an object, found a string \"abc\""},
  };
  for (const auto& [yaml, error] : kCases) {
    EXPECT_THAT(compile_yaml(yaml).diagnostics, ElementsAre(HasSubstr(error))) << yaml;
  }
}

TEST(CompileWorkflows, OneBadDocumentSpoilsTheFileButAllAreReported) {
  const auto outcome =
      compile_yaml("kind: A\n---\n" + std::string(kHello) + "---\nkind: B\n---\na: b: c\n");
  EXPECT_THAT(outcome.diagnostics, ElementsAre(HasSubstr("illegal map value"), HasSubstr("kind A"),
                                               HasSubstr("kind B")));
}

TEST(CompileWorkflows, SaysWhichTemplateItIsMadeOf) {
  const auto library = library_of(
      {{"cluster/t", R"({"kind":"ClusterWorkflowTemplate","metadata":{"name":"t"},"spec":{"entrypoint":"a",)"
                     R"("templates":[{"name":"a","container":{"image":"b"}}]}})"}});
  const auto outcome = compile_yaml(
      "kind: Workflow\nmetadata: {name: a}\nspec: {workflowTemplateRef: {name: t, clusterScope: true}}\n",
      {.library = library.get()});
  ASSERT_THAT(outcome.diagnostics, IsEmpty());
  EXPECT_EQ(outcome.compiled[0].template_name, "t");
  EXPECT_TRUE(outcome.compiled[0].cluster_template);
  EXPECT_EQ(outcome.compiled[0].plan->templates[outcome.compiled[0].plan->entrypoint].scope, "local/");
  EXPECT_EQ(compile_yaml(kHello).compiled[0].template_name, "");
}

TEST(CompileWorkflows, JsonNeedsNoKind) {
  Diagnostics diagnostics;
  const auto compiled = compile_workflows(
      R"({"metadata":{"name":"a"},"spec":{"entrypoint":"a","templates":[{"name":"a","container":{"image":"b"}}]}})",
      Format::Json, {}, diagnostics);
  EXPECT_THAT(texts(diagnostics), IsEmpty());
  ASSERT_EQ(compiled.size(), 1u);
  EXPECT_EQ(compiled[0].spec_json,
            R"({"entrypoint":"a","templates":[{"name":"a","container":{"image":"b"}}]})");
}

TEST(CompileWorkflows, UnresolvedNamesAreErrors) {
  EXPECT_THAT(errors_of_templates(
                  "  - {name: main, container: {image: b, args: ['{{inputs.parameters.x}}']}}\n"),
              ElementsAre(HasSubstr("failed to resolve {{inputs.parameters.x}}")));
}

TEST(CompileWorkflows, PrintsAsFileLineColumn) {
  Diagnostics diagnostics;
  compile_workflows(
      "kind: Workflow\nmetadata: {name: a}\nspec:\n  entrypoint: a\n  resourceClaims: [{name: x}]\n  "
      "templates: []\n",
      Format::Yaml, {}, diagnostics);
  ASSERT_EQ(diagnostics.items().size(), 1u);
  EXPECT_EQ(to_string(diagnostics.items()[0], "ci.yaml"),
            "ci.yaml:5:3: not supported yet: spec.resourceClaims at ci.yaml:5");
  EXPECT_EQ(to_string({Diagnostic::Severity::Warning, {2, 0}, "x"}, "a"), "a:2: warning: x");
  EXPECT_EQ(to_string({Diagnostic::Severity::Note, {}, "x"}, "a"), "a: note: x");
}

/// Every cut of a good file either compiles or is refused with a line, and nothing crashes.
TEST(CompileWorkflows, SurvivesEveryPrefix) {
  const std::string yaml = workflow_yaml(
      "  entrypoint: main\n  templates:\n  - name: main\n    steps:\n    - - name: \"a\"\n        "
      "template: leaf\n"
      "        arguments: {parameters: [{name: x, value: '{{workflow.name}}'}]}\n  - &l\n    name: "
      "leaf\n"
      "    inputs: {parameters: [{name: x}]}\n    script: {image: b, source: |\n      echo\n      "
      "}\n");
  for (std::size_t length = 0; length <= yaml.size(); ++length) {
    for (const Format format : {Format::Yaml, Format::Json}) {
      Diagnostics diagnostics;
      const auto compiled =
          compile_workflows(std::string_view(yaml).substr(0, length), format, {}, diagnostics);
      EXPECT_NE(compiled.empty(), !diagnostics.has_errors()) << length;
      for (const Diagnostic& one : diagnostics.items()) EXPECT_NE(one.at.line, 0u) << one.message;
    }
  }
}

std::string json(const std::map<std::string, std::string>& map) {
  std::string out = "{";
  for (const auto& [key, value] : map) {
    if (out.size() > 1) out += ',';
    append_json_string(out, key);
    out += ':';
    append_json_string(out, value);
  }
  return out + "}";
}

TEST(CompileWorkflows, SurvivesRealFiles) {
  const std::filesystem::path folder = "../shared/conformance/argo";
  if (!std::filesystem::is_directory(folder)) GTEST_SKIP() << folder << " is not there";
  int files = 0;
  int good = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".yaml") continue;
    ++files;
    std::ifstream in(entry.path());
    std::stringstream bytes;
    bytes << in.rdbuf();
    Diagnostics diagnostics;
    const auto compiled = compile_workflows(bytes.str(), Format::Yaml, {}, diagnostics);
    if (!diagnostics.has_errors()) {
      ++good;
      EXPECT_FALSE(compiled.empty()) << entry.path();
      for (const Compiled& one : compiled) {  // what is stored compiles to the same again
        Diagnostics again;
        const auto twice = compile_workflows(R"({"metadata":{"name":"a","labels":)" + json(one.metadata.labels) +
                                                 R"(,"annotations":)" + json(one.metadata.annotations) +
                                                 R"(},"spec":)" + one.spec_json + "}",
                                             Format::Json, {}, again);
        EXPECT_EQ(twice.size(), 1u) << entry.path() << texts(again)[0];
        if (!twice.empty()) {
          EXPECT_EQ(twice[0].spec_json, one.spec_json);
        }
      }
    }
    for (const Diagnostic& one : diagnostics.items())
      EXPECT_NE(one.at.line, 0u) << entry.path() << one.message;
  }
  RecordProperty("files", files);
  RecordProperty("compiled", good);
  EXPECT_GT(good, 0);
}

}  // namespace
}  // namespace gantry::workflow
