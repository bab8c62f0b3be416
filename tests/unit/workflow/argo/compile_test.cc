#include "workflow/argo/compile.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "tests/support/workflows.h"

namespace gantry::workflow {
namespace {

using testing::Contains;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr const char* kLeaf = "  - {name: leaf, container: {image: busybox}}\n";
constexpr const char* kTakesX =
    "  - {name: leaf, inputs: {parameters: [{name: x}, {name: y, default: d}]}, container: {image: "
    "busybox}}\n";

struct Case {
  std::string templates;
  const char* error;
};

void expect_each_alone(std::initializer_list<Case> cases) {
  for (const Case& one : cases) {
    EXPECT_THAT(errors_of_templates(one.templates), ElementsAre(HasSubstr(one.error)))
        << one.templates;
  }
}

std::string steps(const std::string& body, const char* leaf = kLeaf) {
  return "  - name: main\n    steps:\n" + body + leaf;
}
std::string dag(const std::string& body, const char* leaf = kLeaf) {
  return "  - name: main\n    dag:\n      tasks:\n" + body + leaf;
}

TEST(Compile, NamesAreCheckedAsArgoDoes) {
  expect_each_alone({
      {"  - {name: main, container: {image: a}}\n  - {name: main, container: {image: a}}\n",
       "8:12: spec.templates[1].name 'main' is not unique, it is also at line 7"},
      {"  - {name: main, container: {image: a}}\n  - container: {image: a}\n",
       "8:5: spec.templates[1].name is required"},
      {"  - {name: main, container: {image: a}}\n  - {name: a_b, container: {image: a}}\n",
       "spec.templates[1].name: 'a_b' is invalid: name must consist of alpha-numeric characters or "
       "'-', and must start "
       "with an alpha-numeric character"},
      {"  - {name: main, container: {image: a}}\n  - {name: " + std::string(129, 'a') +
           ", container: {image: a}}\n",
       "must be no more than 128 characters"},
      {steps("    - - {name: a, template: leaf}\n    - - {name: a, template: leaf}\n"),
       "10:16: templates.main.steps[1].name 'a' is not unique, it is also at line 9"},
      {steps("    - - {template: leaf}\n"), "9:9: templates.main.steps[0].name is required"},
      {steps("    - - {name: a.b, template: leaf}\n"),
       "templates.main.steps[0].name 'a.b' is invalid: name must"},
      {dag("      - {name: a, template: leaf}\n      - {name: a, template: leaf}\n"),
       "templates.main.tasks[1].name 'a' is not unique"},
      {dag("      - {name: 1a, template: leaf}\n      - {name: b, template: leaf, depends: 1a}\n"),
       "10:16: templates.main.tasks.1a name cannot begin with a digit when using either 'depends' "
       "or 'dependencies'"},
      {"  - {name: main, inputs: {parameters: [{name: a b, value: c}]}, container: {image: a}}\n",
       "templates.main.inputs.parameters[0].name: 'a b' is invalid: Parameter/Artifact name must "
       "consist of"},
      {"  - {name: main, inputs: {parameters: [{name: a, value: c}, {name: a, value: c}]}, "
       "container: {image: a}}\n",
       "templates.main.inputs.parameters[1].name 'a' is not unique"},
  });
}

TEST(Compile, TemplatesHaveOneKindAndItsFields) {
  expect_each_alone({
      {"  - name: main\n",
       "templates.main template type unspecified. choose one of: container, containerSet, steps"},
      {"  - {name: main, container: {image: a}, script: {image: a}}\n",
       "templates.main multiple template types specified"},
      {"  - {name: main, container: {command: [a]}}\n",
       "7:29: templates.main.container.image may not be empty"},
      {"  - {name: main, script: {source: a}}\n", "templates.main.script.image may not be empty"},
      {"  - {name: main, parallelism: 1, container: {image: a}}\n",
       "templates.main.parallelism is only valid for steps and dag templates"},
      {"  - {name: main, parallelism: 0, steps: []}\n",
       "templates.main.parallelism must be greater than zero"},
      {"  - {name: main, timeout: 10s, steps: []}\n",
       "Steps template doesn't support timeout field"},
      {"  - {name: main, timeout: 10s, dag: {tasks: [{name: a, template: leaf}]}}\n" +
           std::string(kLeaf),
       "DAG template doesn't support timeout field"},
      {"  - {name: main, timeout: 10, container: {image: a}}\n",
       "has invalid duration format in timeout"},
      {"  - {name: main, timeout: 1x, container: {image: a}}\n",
       "has invalid duration format in timeout"},
      {"  - {name: main, activeDeadlineSeconds: 10, steps: []}\n",
       "templates.main.activeDeadlineSeconds is only valid for leaf templates"},
      {"  - {name: main, activeDeadlineSeconds: -1, container: {image: a}}\n",
       "templates.main.activeDeadlineSeconds must be a positive integer > 0 or an argo variable"},
      {"  - {name: main, activeDeadlineSeconds: ten, container: {image: a}}\n",
       "must be a positive integer > 0"},
      {"  - {name: main, retryStrategy: {retryPolicy: Sometimes}, container: {image: a}}\n",
       "Sometimes is not a valid RetryPolicy"},
      {"  - {name: main, retryStrategy: {limit: x}, container: {image: a}}\n",
       "retryStrategy.limit must be a number"},
      {"  - {name: main, container: {image: '{{='}}\n", "Cannot find end tag"},
      {"  - {name: main, container: {image: '{{=1 +}}'}}\n", "templates.main.container.image: "},
      {"  - {name: main, container: {image: '{{a'}}\n",
       "templates.main.container.image: Cannot find end tag"},
  });
}

TEST(Compile, CallsAreChecked) {
  expect_each_alone({
      {steps("    - - {name: a, template: lef}\n"),
       "templates.main.steps[0].a template name 'lef' undefined"},
      {dag("      - {name: a, template: lef}\n"),
       "10:29: templates.main.tasks.a template name 'lef' undefined"},
      {steps("    - - {name: a}\n"), "templates.main.steps[0].a template name is required"},
      {steps("    - - {name: a, template: leaf, onExit: bye}\n"),
       "templates.main.steps[0].a onExit template name 'bye' undefined"},
      {steps("    - - {name: a, template: leaf}\n", kTakesX),
       "templates.main.steps[0].a templates.leaf inputs.parameters.x was not supplied"},
      {dag("      - {name: a, template: leaf, arguments: {parameters: [{name: y, value: 1}]}}\n",
           kTakesX),
       "templates.main.tasks.a templates.leaf inputs.parameters.x was not supplied"},
      {steps("    - - {name: a, template: leaf, arguments: {parameters: [{name: x}]}}\n", kTakesX),
       "templates.main.steps[0].a.arguments.x.value or "
       "templates.main.steps[0].a.arguments.x.valueFrom is required"},
      {steps("    - - {name: a, template: leaf, arguments: {parameters: [{name: x, value: 1, enum: "
             "[2]}]}}\n",
             kTakesX),
       "value should be present in templates.main.steps[0].a.arguments.x.enum list"},
      {"  - {name: main, inputs: {parameters: [{name: x}]}, container: {image: a}}\n",
       "7:40: templates.main inputs.parameters.x was not supplied"},
  });
  // An argument that the template does not declare is nobody's error, and recursion is a loop that
  // ends by itself.
  EXPECT_THAT(
      errors_of_templates(steps(
          "    - - {name: a, template: leaf, arguments: {parameters: [{name: z, value: 1}]}}\n"
          "      - {name: b, template: main}\n")),
      IsEmpty());
}

TEST(Compile, DagsAreChecked) {
  expect_each_alone({
      {"  - {name: main, dag: {tasks: []}}\n", "templates.main must have at least one task"},
      {dag("      - {name: a, template: leaf, depends: b}\n      - {name: b, template: leaf, "
           "depends: a}\n"),
       "templates.main.tasks dependency cycle detected: a->b->a"},
      {dag("      - {name: a, template: leaf, dependencies: [a]}\n"),
       "templates.main.tasks dependency cycle detected: a->a"},
      {dag("      - {name: abc, template: leaf}\n      - {name: b, template: leaf, depends: "
           "abd}\n"),
       "templates.main.tasks.b dependency 'abd' not defined"},
      {dag("      - {name: a, template: leaf}\n      - {name: b, template: leaf, dependencies: "
           "[x]}\n"),
       "templates.main.tasks.b dependency 'x' not defined"},
      {dag("      - {name: a, template: leaf}\n      - {name: b, template: leaf, depends: a}\n"
           "      - {name: c, template: leaf, dependencies: [a]}\n"),
       "12:49: templates.main cannot use both 'depends' and 'dependencies' in the same DAG "
       "template"},
      {dag("      - {name: a, template: leaf, continueOn: {failed: true}}\n      - {name: b, "
           "template: leaf, depends: a}\n"),
       "templates.main cannot use 'continueOn' when using 'depends'. Instead use "
       "'dep-task.Failed'/'dep-task.Errored'"},
      {dag("      - {name: a, template: leaf}\n      - {name: b, template: leaf, depends: "
           "a.AnySucceeded}\n"),
       "templates.main.tasks.b dependency 'a' uses an items-based condition such as .AnySucceeded "
       "or .AllFailed but does "
       "not contain any items"},
      {dag("      - {name: a, template: leaf}\n      - {name: b, template: leaf, depends: 'a "
           "&&'}\n"),
       "11:44: templates.main.tasks.b "},
      {"  - {name: main, dag: {target: x, tasks: [{name: a, template: leaf}]}}\n" +
           std::string(kLeaf),
       "templates.main.targets: target 'x' is not defined"},
  });
}

TEST(Compile, OutputsAreChecked) {
  const auto leaf = [](const std::string& parameter) {
    return "  - {name: main, container: {image: a}, outputs: {parameters: [{name: o" + parameter +
           "}]}}\n";
  };
  const auto graph = [](const std::string& parameter) {
    return "  - {name: main, steps: [], outputs: {parameters: [{name: o" + parameter + "}]}}\n";
  };
  expect_each_alone({
      {leaf(""), "templates.main.outputs.parameters.o does not have valueFrom or value specified"},
      {leaf(", value: a, valueFrom: {path: /a}"),
       "templates.main.outputs.parameters.o has both valueFrom and value specified, choose one"},
      {leaf(", valueFrom: {default: a}"),
       "valueFrom type unspecified. choose one of: path, jqFilter, jsonPath"},
      {leaf(", valueFrom: {path: /a, parameter: b}"), "multiple valueFrom types specified"},
      {leaf(", valueFrom: {parameter: b}"),
       "templates.main.outputs.parameters.o.path must be specified for Container templates"},
      {graph(", valueFrom: {path: /a}"),
       "templates.main.outputs.parameters.o.parameter or expression must be specified for Steps "
       "templates"},
      {leaf(", valueFrom: {expression: 'b +'}"),
       "templates.main.outputs.parameters.o.valueFrom.expression: unexpected token EOF"},
  });
}

TEST(Compile, PodsAreChecked) {
  const auto container = [](const std::string& fields) {
    return "  - {name: main, container: {image: a, " + fields + "}}\n";
  };
  const auto volume = [](const std::string& fields) {
    return "  - {name: main, container: {image: a}, volumes: [" + fields + "]}\n";
  };
  expect_each_alone({
      {container("imagePullPolicy: Maybe"),
       "imagePullPolicy must be Always, IfNotPresent or Never, found \"Maybe\""},
      {container("env: [{value: a}]"), "templates.main.container.env[0].name is required"},
      {container("env: [{name: a=b}]"), "'a=b' is no name of a variable"},
      {container("env: [{name: A, valueFrom: {}}]"), "valueFrom: must specify one of"},
      {container("env: [{name: A, value: b, valueFrom: {secretKeyRef: {name: a, key: b}}}]"),
       "may not be specified when"},
      {container("env: [{name: A, valueFrom: {secretKeyRef: {name: a}}}]"),
       "valueFrom.secretKeyRef.key is required"},
      {container("env: [{name: A, valueFrom: {secretKeyRef: {name: a, key: b}, configMapKeyRef: "
                 "{name: a, key: b}}}]"),
       "may not have more than one field specified"},
      {container("env: [{name: A, valueFrom: {fieldRef: {fieldPath: status.phase}}}]"),
       "not supported yet"},
      {container("envFrom: [{prefix: A}]"),
       "envFrom[0]: must specify one of: configMapRef, secretRef"},
      {container("volumeMounts: [{name: a, mountPath: /a}, {name: b, mountPath: /a}]"),
       "volumeMounts[1].mountPath '/a' already mounted in container.volumeMounts.a"},
      {container("resources: {limits: {cpu: 1.5.2}}"),
       "templates.main.container.resources.limits.cpu"},
      {container("resources: {requests: {memory: 64Mo}}"),
       "templates.main.container.resources.requests.memory"},
      {container("resources: {limits: {gpu: 1}}"),
       "not supported yet: templates.main.container.resources.limits.gpu"},
      {container("resources: {limits: {nvidia.com/gpu: 1500m}}"),
       "templates.main.container.resources.limits.nvidia.com/gpu: must be an integer, found \"1500m\""},
      {container("resources: {limits: {nvidia.com/gpu: one}}"),
       "templates.main.container.resources.limits.nvidia.com/gpu: invalid quantity 'one'"},
      {container("resources: {requests: {nvidia.com/gpu: 1}}"),
       "templates.main.container.resources.requests.nvidia.com/gpu: Limit must be set for non overcommitable resources"},
      {container("resources: {requests: {nvidia.com/gpu: 1}, limits: {nvidia.com/gpu: 2}}"),
       "templates.main.container.resources.requests.nvidia.com/gpu: must be equal to nvidia.com/gpu limit of 2, found 1"},
      {container("resources: {limits: {NVIDIA.com/gpu: 1}}"),
       "\"NVIDIA.com/gpu\" must begin with a domain in lower case"},
      {container("resources: {limits: {nvidia.com/: 1}}"), "\"nvidia.com/\" must end in a name"},
      {container("resources: {limits: {batch.kubernetes.io/gpu: 1}}"),
       "the domain kubernetes.io is Kubernetes' own"},
      {"  - {name: main, podResources: {limits: {nvidia.com/gpu: 1}}, container: {image: a}}\n",
       "\"nvidia.com/gpu\" is not a valid pod-level resource"},
      {container("securityContext: {runAsUser: -1}"),
       "runAsUser: must be between 0 and 2147483647"},
      {container("securityContext: {seccompProfile: {type: Localhost}}"), "not supported yet"},
      {volume("{name: a}"), "volumes[0]: must specify a volume type"},
      {volume("{emptyDir: {}}"), "volumes[0].name is required"},
      {volume("{name: a, emptyDir: {}, hostPath: {path: /a}}"),
       "may not specify more than 1 volume type"},
      {volume("{name: a, emptyDir: {}}, {name: a, emptyDir: {}}"),
       "volumes[1].name 'a' is not unique"},
      {volume("{name: a, emptyDir: {medium: Disk}}"), "emptyDir.medium must be"},
      {volume("{name: a, emptyDir: {sizeLimit: big}}"), "volumes[0].emptyDir.sizeLimit"},
      {volume("{name: a, hostPath: {type: Directory}}"), "hostPath.path is required"},
      {volume("{name: a, hostPath: {path: /a, type: Dir}}"), "hostPath.type: unknown type \"Dir\""},
      {volume("{name: a, secret: {}}"), "secret.secretName is required"},
      {volume("{name: a, configMap: {name: c, items: [{key: k, path: ../../etc/passwd}]}}"),
       "must not contain '..'"},
      {volume("{name: a, configMap: {name: c, items: [{key: k, path: /etc/passwd}]}}"),
       "must be a relative path"},
      {volume("{name: a, configMap: {name: c, defaultMode: 512}}"),
       "must be a number between 0 and 0777"},
  });
  // A mount of a volume that nobody declares is found out when the pod starts, as in Argo.
  EXPECT_THAT(errors_of_templates(container("volumeMounts: [{name: gone, mountPath: /a}]")),
              IsEmpty());
}

TEST(Compile, TheSpecIsChecked) {
  const std::string templates = "  templates:\n" + std::string(kLeaf);
  const std::pair<std::string, const char*> kCases[] = {
      {templates, "5:3: spec.entrypoint is required"},
      {"  entrypoint: gone\n" + templates, "5:15: spec.entrypoint template name 'gone' undefined"},
      {"  entrypoint: leaf\n  onExit: gone\n" + templates,
       "6:11: spec.onExit template name 'gone' undefined"},
      {"  entrypoint: leaf\n  parallelism: 0\n" + templates,
       "spec.parallelism must be greater than zero"},
      {"  entrypoint: leaf\n  activeDeadlineSeconds: -1\n" + templates,
       "spec.activeDeadlineSeconds must not be negative"},
      {"  entrypoint: leaf\n  priority: 3000000000\n" + templates,
       "spec.priority does not fit 32 bits"},
      {"  entrypoint: leaf\n  arguments: {parameters: [{name: a}]}\n" + templates,
       "spec.arguments.a.value or spec.arguments.a.valueFrom is required"},
      {"  entrypoint: leaf\n  arguments: {parameters: [{name: a, value: null}]}\n" + templates,
       "spec.arguments.a.value or"},
      {"  entrypoint: leaf\n  arguments: {parameters: [{name: a, value: b, enum: [c]}]}\n" +
           templates,
       "spec.arguments.a.value should be present in spec.arguments.a.enum list"},
      {"  entrypoint: leaf\n  arguments: {parameters: [{name: a, value: b, enum: []}]}\n" +
           templates,
       "spec.arguments.a.enum should contain at least one value"},
      {"  entrypoint: leaf\n  volumeClaimTemplates: [{spec: {}}]\n" + templates,
       "spec.volumeClaimTemplates[0].metadata.name is required"},
      {"  entrypoint: leaf\n  volumeClaimTemplates: [{metadata: {name: ../a}}]\n" + templates,
       "is invalid"},
  };
  for (const auto& [spec, error] : kCases)
    EXPECT_THAT(errors_of_spec(spec), ElementsAre(HasSubstr(error))) << spec;
  // A lint leaves missing values to the submitter.
  EXPECT_THAT(
      errors_of_spec("  entrypoint: leaf\n  arguments: {parameters: [{name: a}]}\n" + templates,
                     {.strict = true, .lint = true}),
      IsEmpty());
  // Argo leaves a mount without a path to Kubernetes, which sees it only when the pod is made.
  const std::string mounts = "  entrypoint: m\n  templates:\n  - {name: m, container: {image: a, volumeMounts: [{name: a}]}}\n";
  EXPECT_THAT(errors_of_spec(mounts), ElementsAre(HasSubstr("warning: templates.m.container.volumeMounts[0].mountPath is required")));
  EXPECT_THAT(errors_of_spec(mounts, {.strict = true}), ElementsAre(HasSubstr(": templates.m.container.volumeMounts[0].mountPath is required")));
  // Argo takes an exit handler that will fail.
  EXPECT_THAT(
      errors_of_spec(
          "  entrypoint: main\n  onExit: leaf\n  templates:\n  - {name: main, steps: []}\n" +
          std::string(kTakesX)),
      ElementsAre(HasSubstr("warning: templates.leaf inputs.parameters.x was not supplied")));
}

TEST(Compile, WhatSurroundsARunAndItsPods) {
  const std::string leaf = "  entrypoint: m\n  templates:\n  - {name: m, container: {image: a}}\n";
  const std::pair<std::string, const char*> cases[] = {
      {"  shutdown: Now\n", "spec.shutdown must be Stop or Terminate, found \"Now\""},
      {"  workflowMetadata: {labelsFrom: {a: {}}}\n", "spec.workflowMetadata.labelsFrom.a.expression is required"},
      {"  workflowMetadata: {labelsFrom: {a: {expression: '1 +'}}}\n", "spec.workflowMetadata.labelsFrom.a.expression: "},
      {"  imagePullSecrets: [{}]\n", "spec.imagePullSecrets: name is required"},
      {"  podSpecPatch: 'containers: 1'\n", "spec.podSpecPatch: invalid podSpecPatch"},
      {"  metrics: {prometheus: [{name: a-b, help: x, counter: {value: '1'}}]}\n",
       "spec metric name 'a-b' is invalid. Metric names must contain alphanumeric characters or '_'"},
      {"  metrics: {prometheus: [{name: a, counter: {value: '1'}}]}\n",
       "spec metric 'a' must contain a help string under 'help: ' field"},
      {"  metrics: {prometheus: [{name: a, help: x, gauge: {realtime: true}}]}\n", "missing gauge.value"},
  };
  for (const auto& [spec, error] : cases) {
    EXPECT_THAT(errors_of_spec(spec + leaf), ::testing::Contains(HasSubstr(error))) << spec;
  }
  EXPECT_THAT(errors_of_spec("  metrics: {prometheus: [{name: a, help: x, counter: {value: '1'}}]}\n" + leaf),
              ElementsAre(HasSubstr("note: spec.metrics has no effect yet")));
  EXPECT_THAT(errors_of_templates("  - {name: main, pendingTimeout: 5s, steps: []}\n"),
              ::testing::Contains(HasSubstr("Steps template doesn't support pendingTimeout field")));
  EXPECT_THAT(errors_of_templates("  - {name: main, pendingTimeout: soon, container: {image: a}}\n"),
              ElementsAre(HasSubstr("invalid duration format in pendingTimeout")));
}

TEST(Compile, AllErrorsOfAFileComeAtOnceInTheirOrder) {
  EXPECT_THAT(
      errors_of_templates(
          "  - name: main\n    dag:\n      tasks:\n      - {name: a, template: gone, depends: x}\n"
          "      - {name: b, template: leaf, continueOn: {}}\n  - {name: leaf, contaner: {}}\n"
          "  - {name: other, container: {image: a, tty: 1}}\n"),
      ElementsAre(HasSubstr("10:29: templates.main.tasks.a template name 'gone' undefined"),
                  HasSubstr("10:44: templates.main.tasks.a dependency 'x' not defined"),
                  HasSubstr("11:47: templates.main cannot use 'continueOn' when using 'depends'"),
                  HasSubstr("12:18: unknown field \"contaner\""),
                  HasSubstr("13:46: spec.templates[2].container.tty: expected true or false")));
}

PlanPtr plan_of(const std::string& templates) {
  const auto outcome =
      compile_yaml(workflow_yaml("  entrypoint: main\n  templates:\n" + templates));
  EXPECT_THAT(outcome.diagnostics, IsEmpty()) << templates;
  return outcome.compiled.empty() ? nullptr : outcome.compiled[0].plan;
}

TEST(Compile, ExtendedResourcesAreKeptByName) {
  const auto plan = plan_of(
      "  - name: main\n    inputs: {parameters: [{name: count, value: '1'}]}\n"
      "    container: {image: a, resources: {requests: {nvidia.com/gpu: 2}, limits: {nvidia.com/gpu: '2.0', "
      "example.com/licence: '{{inputs.parameters.count}}'}}}\n");
  ASSERT_NE(plan, nullptr);
  const Resources& resources = plan->pods[0].main.resources;
  ASSERT_EQ(resources.limits.extended.size(), 2u);
  EXPECT_EQ(resources.limits.extended[0].first, "nvidia.com/gpu");
  EXPECT_EQ(resources.limits.extended[1].second.source(), "{{inputs.parameters.count}}");
  ASSERT_EQ(resources.requests.extended.size(), 1u);
  EXPECT_EQ(resources.requests.extended[0].second.source(), "2");
}

TEST(Compile, ResultsAreCapturedOnlyWhenSomebodyReadsThem) {
  const auto graph = [](const std::string& when) {
    const auto plan = plan_of(
        "  - name: main\n    steps:\n    - - {name: a, template: leaf}\n    - - {name: b, "
        "template: "
        "other, when: \"" +
        when + "\"}\n" + std::string(kLeaf) + "  - {name: other, container: {image: b}}\n");
    const auto& tasks = plan->graphs[0].tasks;
    return std::pair(tasks[1].captures_result, tasks[3].captures_result);
  };
  EXPECT_EQ(graph("{{steps.a.outputs.result}} == 1"), std::pair(true, false));
  EXPECT_EQ(graph("{{ steps.a.outputs.result }} == 1"), std::pair(true, false));
  EXPECT_EQ(graph("{{steps.a.exitCode}} == 1"), std::pair(false, false));
  EXPECT_EQ(graph("'steps.a.outputs.result' == 1"), std::pair(false, false));
}

TEST(Compile, OutputsOfAGraphCaptureResults) {
  const auto plan = plan_of(
      "  - name: main\n    dag: {tasks: [{name: a, template: leaf}]}\n"
      "    outputs: {parameters: [{name: o, valueFrom: {parameter: "
      "'{{tasks.a.outputs.result}}'}}]}\n" +
      std::string(kLeaf));
  EXPECT_TRUE(plan->graphs[0].tasks[0].captures_result);
}

TEST(Compile, OnlyWhatTheTargetNeedsIsInTheGraph) {
  const std::string tasks =
      "      - {name: a, template: leaf}\n      - {name: b, template: leaf, depends: a}\n"
      "      - {name: x, template: leaf}\n      - {name: c, template: leaf, depends: 'b && "
      "!x.Failed'}\n"
      "      - {name: d, template: leaf, depends: 'x.Succeeded'}\n";
  const auto names = [](const Graph& graph) {
    std::string out;
    for (const Task& task : graph.tasks) out += task.name;
    for (const Index target : graph.targets) out += ">" + std::to_string(target);
    return out;
  };
  const auto all = plan_of(dag(tasks));
  EXPECT_EQ(names(all->graphs[0]), "abxcd>3>4");
  const auto one =
      plan_of("  - name: main\n    dag:\n      target: d b\n      tasks:\n" + tasks + kLeaf);
  EXPECT_EQ(names(one->graphs[0]), "abxd>3>1");
  EXPECT_THAT(one->graphs[0].tasks[3].depends.tasks(), ElementsAre(2u));
  EXPECT_THAT(one->graphs[0].dependency_count, ElementsAre(0, 1, 0, 1));
  const auto parameter = compile_yaml(
      workflow_yaml("  entrypoint: main\n  arguments: {parameters: [{name: t, value: b}]}\n"
                    "  templates:\n  - name: main\n    dag:\n      target: "
                    "'{{workflow.parameters.t}}'\n      tasks:\n" +
                    tasks + kLeaf),
      {.parameters = {{"t", "x a"}}});
  ASSERT_THAT(parameter.diagnostics, IsEmpty());
  EXPECT_EQ(names(parameter.compiled[0].plan->graphs[0]), "ax>1>0");
}

TEST(Compile, DependenciesKeepContinueOnWhenTasksAreRenumbered) {
  const auto plan = plan_of(
      "  - name: main\n    dag:\n      target: c\n      tasks:\n      - {name: x, template: leaf}\n"
      "      - {name: a, template: leaf, continueOn: {failed: true}}\n"
      "      - {name: c, template: leaf, dependencies: [a]}\n" +
      std::string(kLeaf));
  const Graph& graph = plan->graphs[0];
  ASSERT_EQ(graph.tasks.size(), 2u);
  EXPECT_TRUE(graph.tasks[1].depends.evaluate(
      [](Index task, TaskResult result) { return task == 0 && result == TaskResult::Failed; }));
  EXPECT_FALSE(graph.tasks[1].depends.evaluate(
      [](Index task, TaskResult result) { return task == 0 && result == TaskResult::Errored; }));
}

TEST(Compile, TenThousandTasksAreCompiledInLinearTime) {
  const auto seconds = [](int count) {
    std::string json =
        R"({"kind":"Workflow","metadata":{"name":"big"},"spec":{"entrypoint":"main","templates":[)"
        R"({"name":"leaf","inputs":{"parameters":[{"name":"x"}]},"container":{"image":"a"}},)"
        R"({"name":"main","dag":{"tasks":[)";
    for (int i = 0; i < count; ++i) {
      json +=
          (i == 0 ? R"({"name":"t0","template":"leaf",)"
                  : R"(,{"name":"t)" + std::to_string(i) + R"(","template":"leaf","depends":"t)" +
                        std::to_string(i - 1) + R"(.Succeeded && t0",)") +
          R"("arguments":{"parameters":[{"name":"x","value":"{{tasks.t)" +
          std::to_string(i == 0 ? 0 : i - 1) + R"(.outputs.result}}"}]}})";
      if (i == 0) json.replace(json.find("{{tasks.t0.outputs.result}}"), 27, "first");
    }
    json += "]}}]}}";
    const auto start = std::chrono::steady_clock::now();
    Diagnostics diagnostics;
    const auto compiled = compile_workflows(json, Format::Json, {}, diagnostics);
    EXPECT_EQ(compiled.size(), 1u)
        << (diagnostics.items().empty() ? "" : diagnostics.items()[0].message);
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  // Ten times the tasks may not cost fifty times the time; a quadratic way would cost a hundred.
  const double thousand = std::min({seconds(1000), seconds(1000), seconds(1000)});
  EXPECT_LT(seconds(10'000), 50 * thousand + 0.5);
}

}  // namespace
}  // namespace gantry::workflow
