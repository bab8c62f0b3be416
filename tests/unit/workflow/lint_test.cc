// What `argo lint --offline` says of the same files (argo-workflows workflow/validate/validate.go).

#include "workflow/lint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "tests/support/diagnostics.h"

namespace gantry::workflow {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::string_view kHead = "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata: {generateName: w-}\nspec:\n";

std::vector<std::string> findings(const LintedFile& file) {
  Diagnostics diagnostics;
  for (const LintFinding& finding : file.findings) diagnostics.add(finding.diagnostic);
  return texts(diagnostics);
}

std::vector<std::string> lint_text(std::string_view text, const LintOptions& options = {}) {
  const std::string_view files[] = {text};
  return findings(lint(files, options).front());
}

/// A Workflow of these templates (indented by two; they begin at line 7), the first of which is `main`.
std::vector<std::string> lint_templates(std::string_view templates, const LintOptions& options = {}) {
  return lint_text(std::string(kHead) + "  entrypoint: main\n  templates:\n" + std::string(templates), options);
}

bool good(const std::vector<std::string>& found) {
  for (const std::string& one : found) {
    if (one.find("note: ") == std::string::npos && one.find("warning: ") == std::string::npos) return false;
  }
  return true;
}

TEST(Lint, WhatOnlyThisHostCannotRunIsANote) {
  EXPECT_THAT(lint_templates("  - name: main\n    resource: {action: get, manifest: a}\n"),
              ElementsAre("8:5: note: spec.templates[0].resource is not supported yet, so a run is refused: it runs only on "
                          "Kubernetes"));
  EXPECT_THAT(lint_templates("  - {name: main, plugin: {url: '{{inputs.parameters.u}}'}}\n"),
              ElementsAre(HasSubstr("note: spec.templates[0].plugin"),
                          HasSubstr("failed to resolve {{inputs.parameters.u}}")));
  EXPECT_THAT(lint_templates("  - name: main\n    dag: {target: '{{workflow.name}}', tasks: [{name: a, template: b}]}\n"
                             "  - {name: b, suspend: {}}\n"),
              IsEmpty());
  EXPECT_THAT(lint_templates("  - {name: main, container: {image: a}, resourceClaims: [{name: x}], nodeSelector: {a: b}}\n"),
              ElementsAre(HasSubstr("note: spec.templates[0].resourceClaims is not supported yet"),
                          HasSubstr("has no effect on a single host: there is one host")));
}

TEST(Lint, WhatArgoFindsOnlyAtRunTimeIsAWarning) {
  for (const char* templates : {
           "  - name: main\n    dag:\n      tasks:\n      - {name: a, template: b}\n"
           "      - {name: c, template: b, when: '{{tasks.a.outputs.result}} == x'}\n  - {name: b, container: {image: i}}\n",
           "  - name: main\n    steps:\n    - - {name: a, template: b}\n"
           "      - {name: c, template: b, when: '{{steps.a.outputs.result}} == x'}\n  - {name: b, container: {image: i}}\n",
           "  - {name: main, retryStrategy: {limit: many}, container: {image: i, imagePullPolicy: Often}}\n",
           "  - {name: main, container: {image: i}, volumes: [{name: v}]}\n",
           "  - name: main\n    steps: [[{name: a, template: b, hooks: {exit: {template: nobody}}}]]\n  - {name: b, suspend: {}}\n",
       }) {
    const auto found = lint_templates(templates);
    EXPECT_TRUE(good(found)) << templates << testing::PrintToString(found);
    EXPECT_THAT(found, testing::Not(IsEmpty())) << templates;
  }
}

TEST(Lint, ErrorsOfArgosAreErrors) {
  for (const char* templates : {
           "  - {name: main, container: {image: ''}}\n",
           "  - {name: main, container: {image: i, resources: {limits: {memory: '{{workflow.name}}'}}}}\n",
           "  - {name: main, retryStrategy: {retryPolicy: Sometimes}, container: {image: i}}\n",
           "  - {name: main, container: {image: i}, sidecars: [{name: wait, image: i}]}\n",
           "  - name: main\n    steps: [[{name: a, template: b, hooks: {running: {template: b}}}]]\n  - {name: b, suspend: {}}\n",
           "  - name: main\n    steps:\n    - - {name: c, template: b, when: '{{steps.a.outputs.result}} == x'}\n"
           "      - {name: a, template: b}\n  - {name: b, container: {image: i}}\n",
           "  - name: main\n    dag:\n      tasks:\n      - {name: a, template: b}\n"
           "      - {name: c, template: b, when: '{{tasks.a.status}} == x'}\n  - {name: b, container: {image: i}}\n",
           "  - {name: main, http: {url: a}, container: {image: i}}\n",
           "  - {name: main, resource: {action: get}, parallelism: 2}\n",
           "  - {name: main, Container: {image: i}}\n",
           "  - {name: main, container: {image: i, args: [1]}}\n",
           "  - {name: main, container: {image: i}, outputs: {parameters: [{name: o, valueFrom: {expression: '1'}}]}}\n",
       }) {
    EXPECT_FALSE(good(lint_templates(templates))) << templates;
  }
}

TEST(Lint, LooksIntoWhatIsNotRead) {
  for (const char* templates : {
           "  - {name: main, resource: {action: eat, manifest: a}}\n",
           "  - {name: main, resource: {action: apply}}\n",
           "  - {name: main, resource: {action: apply, manifest: 'a: [{{workflow.name}}'}}\n",
           "  - {name: main, resource: {action: get, manifests: a}}\n",
           "  - {name: main, resource: {action: get, flags: a}}\n",
           "  - {name: main, http: {url: a, headers: [{nam: b}]}}\n",
           "  - {name: main, http: {url: 1}}\n",
           "  - {name: main, http: {url: a}, podResources: {limits: {cpu: 1}}}\n",
           "  - {name: main, container: {image: i}, podResources: {limits: {disk: 1}}}\n",
           "  - {name: main, steps: [], resourceClaims: [{name: a}]}\n",
           "  - {name: main, container: {image: i}, metrics: {prometheus: [{name: a-b, help: c}]}}\n",
           "  - {name: main, container: {image: i}, metrics: {prometheus: [{name: a}]}}\n",
           "  - {name: main, container: {image: i}, tolerations: [{keys: a}]}\n",
           "  - {name: main, container: {image: i, ports: [{containerPort: http}]}}\n",
           "  - {name: main, container: {image: i}}\n  podGC: {strategy: Never}\n",
           "  - {name: main, container: {image: i}}\n  ttlStrategy: {secondsAfterEnd: 1}\n",
       }) {
    EXPECT_FALSE(good(lint_templates(templates))) << templates;
  }
  for (const char* templates : {
           "  - {name: main, resource: {action: apply, manifest: 'a: [{{workflow.name}}]', setOwnerReference: true, flags: [a]}}\n",
           "  - {name: main, http: {url: a, headers: [{name: b, value: c}], timeoutSeconds: 3}}\n",
           "  - {name: main, container: {image: i, ports: [{containerPort: 1}]}, tolerations: [{key: a, operator: Exists}]}\n",
           "  - {name: main, container: {image: i}}\n  podGC: {strategy: OnPodSuccess}\n  ttlStrategy: {secondsAfterSuccess: 1}\n",
       }) {
    EXPECT_TRUE(good(lint_templates(templates))) << testing::PrintToString(lint_templates(templates));
  }
}

TEST(Lint, ArgumentsMayWaitForTheSubmitterButNotInputs) {
  const std::string argument = std::string(kHead) + "  entrypoint: main\n  arguments: {parameters: [{name: a}]}\n  templates:\n";
  EXPECT_THAT(lint_text(argument + "  - {name: main, container: {image: '{{workflow.parameters.a}}'}}\n"), IsEmpty());
  EXPECT_THAT(lint_text(argument + "  - {name: main, inputs: {parameters: [{name: a, default: x}]}, container: {image: i}}\n"),
              ElementsAre(HasSubstr("inputs.parameters.a was not supplied")));
  const std::string cron =
      "kind: CronWorkflow\nmetadata: {name: c}\nspec:\n  schedules: ['* * * * *']\n  workflowSpec:\n    entrypoint: main\n"
      "    arguments: {parameters: [{name: a}]}\n    templates: [{name: main, suspend: {}}]\n";
  EXPECT_THAT(lint_text(cron), ElementsAre(HasSubstr("spec.arguments.a.value or spec.arguments.a.valueFrom is required")));
}

TEST(Lint, UnknownFieldsPassWhenItIsNotStrict) {
  const char* templates = "  - {name: main, container: {image: i}, colour: red}\n";
  EXPECT_THAT(lint_templates(templates), ElementsAre(HasSubstr("unknown field \"colour\"")));
  EXPECT_FALSE(good(lint_templates(templates)));
  EXPECT_TRUE(good(lint_templates(templates, {.strict = false})));
}

TEST(Lint, TemplatesOfAllFilesAreKnownByNamespace) {
  const std::string call = std::string(kHead) +
                           "  entrypoint: main\n  templates:\n"
                           "  - {name: main, steps: [[{name: a, templateRef: {name: t, template: say}}]]}\n";
  const std::string tmpl =
      "kind: WorkflowTemplate\nmetadata: {name: t}\nspec: {templates: [{name: say, http: {url: u}}]}\n";
  const std::string other = "kind: WorkflowTemplate\nmetadata: {name: t, namespace: n}\nspec: {templates: [{name: x, suspend: {}}]}\n";
  std::string_view files[] = {call, other, tmpl};
  auto results = lint(files, {});
  EXPECT_TRUE(good(findings(results[0]))) << testing::PrintToString(findings(results[0]));
  EXPECT_TRUE(results[0].linted && results[1].linted && results[2].linted);

  std::string_view without[] = {call, other};
  EXPECT_THAT(findings(lint(without, {})[0]), ElementsAre(HasSubstr("workflowtemplates.argoproj.io \"t\" not found")));
  std::string_view twice[] = {tmpl, tmpl};
  EXPECT_THAT(findings(lint(twice, {})[1]), testing::Contains(HasSubstr("duplicate WorkflowTemplate found: \"t\"")));

  const auto stored = std::make_shared<const std::string>(tmpl);
  std::string asked;
  LintOptions options{.name_space = "ci"};
  options.find_template = [&](std::string_view name_space, std::string_view name, bool cluster_scope) {
    asked = std::string(name_space) + "/" + std::string(name) + (cluster_scope ? " cluster" : "");
    return stored;
  };
  EXPECT_TRUE(good(lint_text(call, options)));
  EXPECT_EQ(asked, "ci/t");
}

TEST(Lint, WhatIsNotArgosIsPassedOver) {
  const std::string_view files[] = {"kind: ConfigMap\n---\na: b\n---\nkind: WorkflowEventBinding\n", "", "{]"};
  const auto results = lint(files, {});
  EXPECT_THAT(findings(results[0]), ElementsAre("1:1: note: passed over: a ConfigMap is not checked",
                                                "3:1: note: passed over: it has no kind",
                                                "5:1: note: passed over: a WorkflowEventBinding is not checked"));
  EXPECT_FALSE(results[0].linted || results[1].linted || results[2].linted);
  EXPECT_FALSE(good(findings(results[2])));
}

TEST(Lint, OnlyTheKindsThatAreAskedFor) {
  const std::string_view files[] = {"kind: Workflow\n---\nkind: CronWorkflow\nmetadata: {name: c}\n"};
  const auto results = lint(files, {.kinds = {"cronwf"}});
  ASSERT_FALSE(results[0].findings.empty());
  for (const LintFinding& finding : results[0].findings) EXPECT_EQ(finding.object, "\"c\" (CronWorkflow)");
  EXPECT_TRUE(is_lint_kind("wf") && is_lint_kind("all") && is_lint_kind("clusterworkflowtemplates"));
  EXPECT_FALSE(is_lint_kind("pods"));
}

}  // namespace
}  // namespace gantry::workflow
