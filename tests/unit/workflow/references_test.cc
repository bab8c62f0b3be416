#include "workflow/argo/references.h"

#include <gmock/gmock.h>

#include <array>
#include <string>
#include <vector>

#include "workflow/argo/reader.h"
#include "workflow/document.h"
#include "workflow/suggestion.h"

namespace gantry::workflow::argo {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

/// What the check says of a Workflow whose spec is `spec`, as "LINE: message" with lines counted
/// from spec's first.
std::vector<std::string> check(const std::string& spec) {
  constexpr std::uint32_t kLinesBefore = 1;
  const std::string header =
      "metadata: {name: w, labels: {team: blue, a.b/c: x}, annotations: {note: n}}\n";
  Diagnostics diagnostics;
  Document document = Document::parse_yaml(header + spec, {}, diagnostics);
  Workflow workflow;
  if (!document.roots().empty()) {
    Reader reader(document, {}, diagnostics);
    read(reader, *document.roots()[0], workflow);
  }
  for (const Diagnostic& diagnostic : diagnostics.items())
    ADD_FAILURE() << to_string(diagnostic, "test");
  Diagnostics others;  // what the compiler says is not this test's
  Libraries libraries(nullptr, false);
  Resolution resolution;
  compile(workflow, {}, libraries, resolution, others);
  check_workflow_references(workflow, resolution, false, diagnostics);
  std::vector<std::string> lines;
  for (const Diagnostic& diagnostic : diagnostics.items()) {
    const bool warning = diagnostic.severity == Diagnostic::Severity::Warning;
    lines.push_back(std::to_string(diagnostic.at.line - kLinesBefore) +
                    (warning ? ": warning: " : ": ") + diagnostic.message);
  }
  return lines;
}

/// A container template whose argument is `text`.
std::vector<std::string> check_pod(const std::string& text, const std::string& more = "") {
  return check(R"(spec:
  entrypoint: main
  arguments: {parameters: [{name: message, value: hi}]}
  templates:
  - name: main
    inputs: {parameters: [{name: text, value: a}]}
    outputs: {parameters: [{name: out, valueFrom: {path: /o}}]}
    container: {image: i, args: [')" +
               text + "']}\n" + more);
}

TEST(References, KnownInAPod) {
  for (const char* text :
       {"plain", "{{.State}} {{}} {{ custom.x }}", "{{inputs.parameters.text}}",
        "{{ inputs.parameters.text }}", "{{inputs.parameters}}",
        "{{workflow.name}}{{workflow.namespace}}{{workflow.uid}}{{workflow.mainEntrypoint}}",
        "{{workflow.serviceAccountName}}{{workflow.status}}{{workflow.duration}}",
        "{{workflow.creationTimestamp}}{{workflow.creationTimestamp.s}}{{workflow."
        "creationTimestamp.Y}}",
        "{{workflow.scheduledTime}}",
        "{{workflow.parameters.message}}{{workflow.parameters}}{{workflow.parameters.json}}",
        "{{workflow.labels.team}}{{workflow.labels.a.b/"
        "c}}{{workflow.labels.json}}{{workflow.labels}}",
        "{{workflow.annotations.note}}{{workflow.annotations}}{{workflow.annotations.json}}",
        "{{pod.name}}{{node.name}}", "{{outputs.parameters.out.path}}",
        "{{workflow.parameters.{{inputs.parameters.text}}}}"}) {
    EXPECT_THAT(check_pod(text), IsEmpty()) << text;
  }
}

TEST(References, UnknownInAPod) {
  const std::pair<const char*, const char*> cases[] = {
      {"{{inputs.parameters.txt}}",
       "failed to resolve {{inputs.parameters.txt}} (did you mean {{inputs.parameters.text}}?)"},
      {"{{ workflow.nme }}",
       "failed to resolve {{workflow.nme}} (did you mean {{workflow.name}}?)"},
      {"{{workflow.parameters.mesage}}",
       "failed to resolve {{workflow.parameters.mesage}} (did you mean "
       "{{workflow.parameters.message}}?)"},
      {"{{workflow.labels.absent}}", "failed to resolve {{workflow.labels.absent}}"},
      {"{{workflow.failures}}", "failed to resolve {{workflow.failures}}"},
      {"{{workflow.priority}}", "failed to resolve {{workflow.priority}}"},
      {"{{inputs.artifacts.a.path}}", "failed to resolve {{inputs.artifacts.a.path}}"},
      {"{{pod.nam}}", "failed to resolve {{pod.nam}} (did you mean {{pod.name}}?)"},
      {"{{steps.a.outputs.result}}", "failed to resolve {{steps.a.outputs.result}}"},
      {"{{tasks.a.id}}", "failed to resolve {{tasks.a.id}}"},
      {"{{item.key}}", "failed to resolve {{item.key}}"},
      {"{{workflow.parameters.{{inputs.parameters.tex}}}}",
       "failed to resolve {{inputs.parameters.tex}} (did you mean {{inputs.parameters.text}}?)"},
  };
  for (const auto& [text, expected] : cases) {
    EXPECT_THAT(check_pod(text), ElementsAre("8: templates.main: " + std::string(expected)))
        << text;
  }
  EXPECT_THAT(check_pod("{{inputs.a}} {{inputs.b}}"),
              ElementsAre("8: templates.main: failed to resolve {{inputs.a}}",
                          "8: templates.main: failed to resolve {{inputs.b}}"));
}

TEST(References, StandsAndIsSaidSo) {
  const auto warned = [](const std::string& name) {
    return "8: warning: templates.main: nothing defines {{" + name + "}} here, it stays as it is";
  };
  for (const char* name : {"item", "retries", "lastRetry.exitCode", "outputs.result"}) {
    EXPECT_THAT(check_pod("{{" + std::string(name) + "}}"), ElementsAre(warned(name)));
  }
  EXPECT_THAT(
      check_pod("{{retries}} {{lastRetry.exitCode}} {{lastRetry.status}} {{lastRetry.duration}} "
                "{{lastRetry.message}}",
                "    retryStrategy: {limit: 2}\n"),
      IsEmpty());
}

TEST(References, EveryTextOfATemplate) {
  const std::vector<std::string> found = check(R"(spec:
  entrypoint: main
  arguments: {parameters: [{name: p, value: "{{inputs.1}}"}]}
  volumes: [{name: v, hostPath: {path: "{{inputs.fine}}{{workflow.2}}"}}]
  templates:
  - name: main
    inputs: {parameters: [{name: a, value: "{{inputs.3}}"}, {name: b, default: "{{inputs.4}}"}]}
    outputs: {parameters: [{name: o, valueFrom: {path: "{{inputs.5}}", default: "{{inputs.6}}"}}]}
    activeDeadlineSeconds: "{{inputs.7}}"
    timeout: "{{inputs.8}}"
    retryStrategy: {limit: "{{inputs.9}}"}
    volumes:
    - {name: "{{inputs.10}}", emptyDir: {sizeLimit: "{{inputs.11}}"}}
    - {name: s, secret: {secretName: "{{inputs.12}}"}}
    - {name: c, configMap: {name: "{{inputs.13}}"}}
    - {name: p, persistentVolumeClaim: {claimName: "{{inputs.14}}"}}
    script:
      image: "{{inputs.15}}"
      workingDir: "{{inputs.16}}"
      command: ["{{inputs.17}}"]
      source: "{{inputs.18}}"
      env:
      - {name: A, value: "{{inputs.19}}"}
      - {name: B, valueFrom: {secretKeyRef: {name: "{{inputs.20}}", key: "{{inputs.21}}"}}}
      - {name: C, valueFrom: {configMapKeyRef: {name: "{{inputs.22}}", key: "{{inputs.23}}"}}}
      envFrom: [{secretRef: {name: "{{inputs.24}}"}}, {configMapRef: {name: "{{inputs.25}}"}}]
      volumeMounts: [{name: "{{inputs.26}}", mountPath: "{{inputs.27}}", subPath: "{{inputs.28}}"}]
      resources: {requests: {cpu: "{{inputs.29}}"}, limits: {memory: "{{inputs.30}}"}}
)");
  std::string all;
  for (const std::string& line : found) all += line + "\n";
  for (int i = 1; i <= 30; ++i) {
    const std::string name = (i == 2 ? "{{workflow." : "{{inputs.") + std::to_string(i) + "}}";
    EXPECT_THAT(all, testing::HasSubstr("failed to resolve " + name));
  }
  EXPECT_EQ(found.size(), 30u) << all;
}

TEST(References, StepsKnowEarlierGroups) {
  EXPECT_THAT(check(R"(spec:
  entrypoint: main
  templates:
  - name: main
    outputs: {parameters: [{name: r, valueFrom: {parameter: "{{steps.b.outputs.parameters.out}}"}}]}
    steps:
    - - {name: a, template: pod, arguments: {parameters: [{name: t, value: "{{steps.name}}"}]}}
    - - name: b
        template: pod
        when: "{{steps.a.status}} == Succeeded && {{steps.a.exitCode}} == 0"
        arguments: {parameters: [{name: t, value: "{{steps.a.outputs.result}} {{steps.a.outputs.parameters.out}}"}]}
      - {name: g, template: graph}
    - - name: c
        template: pod
        arguments: {parameters: [{name: t, value: "{{steps.a.id}}{{steps.b.startedAt}}{{steps.b.finishedAt}}{{steps.g.hostNodeName}}{{steps.g.outputs.parameters.x}}"}]}
  - name: pod
    outputs: {parameters: [{name: out, valueFrom: {path: /o}}]}
    container: {image: i}
  - name: graph
    outputs: {parameters: [{name: x, value: "1"}]}
    steps: []
)"),
              IsEmpty());
  EXPECT_THAT(
      check(R"(spec:
  entrypoint: main
  templates:
  - name: main
    outputs: {parameters: [{name: r, valueFrom: {parameter: "{{steps.b.outputs.parameters.ou}}"}}]}
    steps:
    - - {name: a, template: pod, when: "{{steps.a.status}} == x"}
      - {name: b, template: pod, when: "{{steps.a.status}} == x"}
    - - {name: c, template: graph, when: "{{steps.d.status}} == {{steps.aa.status}}"}
    - - {name: d, template: pod, when: "{{steps.c.outputs.result}} {{steps.b.outputs.parameter.out}} {{steps.a}} {{tasks.a.id}} {{inputs.parameters.x}} {{steps.a.ip}}"}
  - name: pod
    outputs: {parameters: [{name: out, valueFrom: {path: /o}}]}
    container: {image: i}
  - {name: graph, steps: []}
)"),
      ElementsAre(
          "7: templates.main.steps failed to resolve {{steps.a.status}} (step 'a' is in the same "
          "group)",
          "8: templates.main.steps failed to resolve {{steps.a.status}} (step 'a' is in the same "
          "group)",
          "9: templates.main.steps failed to resolve {{steps.d.status}} (step 'd' comes later)",
          "9: templates.main.steps failed to resolve {{steps.aa.status}} (did you mean "
          "{{steps.a.status}}?)",
          "10: templates.main.steps failed to resolve {{steps.c.outputs.result}}",
          "10: templates.main.steps failed to resolve {{steps.b.outputs.parameter.out}} (did you "
          "mean "
          "{{steps.b.outputs.parameters.out}}?)",
          "10: templates.main.steps failed to resolve {{steps.a}}",
          "10: templates.main.steps failed to resolve {{tasks.a.id}}",
          "10: templates.main.steps failed to resolve {{inputs.parameters.x}}",
          "10: templates.main.steps failed to resolve {{steps.a.ip}} (did you mean "
          "{{steps.a.id}}?)",
          "5: templates.main.outputs failed to resolve {{steps.b.outputs.parameters.ou}} (did you "
          "mean "
          "{{steps.b.outputs.parameters.out}}?)"));
}

TEST(References, TasksKnowTheirAncestors) {
  constexpr const char* kPod = R"(  - name: pod
    inputs: {parameters: [{name: t, value: ""}]}
    outputs: {parameters: [{name: out, valueFrom: {path: /o}}]}
    container: {image: i}
)";
  EXPECT_THAT(check(std::string(R"(spec:
  entrypoint: main
  templates:
  - name: main
    outputs: {parameters: [{name: r, valueFrom: {parameter: "{{tasks.c.outputs.parameters.out}}"}}]}
    dag:
      tasks:
      - {name: c, template: pod, depends: b.Failed || b, when: "{{tasks.a.status}} == Succeeded", arguments: {parameters: [{name: t, value: "{{tasks.b.outputs.result}}"}]}}
      - {name: b, template: pod, depends: a, arguments: {parameters: [{name: t, value: "{{tasks.a.outputs.parameters.out}} {{tasks.name}}"}]}}
      - {name: a, template: pod}
)") + kPod),
              IsEmpty());
  EXPECT_THAT(
      check(std::string(R"(spec:
  entrypoint: main
  templates:
  - name: main
    dag:
      tasks:
      - {name: a, template: pod, when: "{{tasks.a.status}} == x"}
      - {name: b, template: pod, when: "{{tasks.a.status}} == x"}
      - {name: c, template: pod, dependencies: [a], arguments: {parameters: [{name: t, value: "{{tasks.b.outputs.result}}"}, {name: u, value: "-{{tasks.b.id}}"}, {name: v, value: "{{tasks.b.status}}"}]}}
      - {name: d, template: pod, dependencies: [c], when: "{{tasks.a.outputs.parameters.ou}} {{tasks.x.id}} {{steps.a.id}}"}
)") + kPod),
      ElementsAre(
          "7: templates.main.tasks.a failed to resolve {{tasks.a.status}} (a task does not know "
          "itself)",
          "8: templates.main.tasks.b failed to resolve {{tasks.a.status}} ('b' does not depend on "
          "'a')",
          "9: templates.main.tasks.c missing dependency 'b' for parameter 't'",
          "9: templates.main.tasks.c failed to resolve {{tasks.b.id}} ('c' does not depend on 'b')",
          "9: templates.main.tasks.c failed to resolve {{tasks.b.status}} ('c' does not depend on "
          "'b')",
          "10: templates.main.tasks.d failed to resolve {{tasks.a.outputs.parameters.ou}} (did you "
          "mean "
          "{{tasks.a.outputs.parameters.out}}?)",
          "10: templates.main.tasks.d failed to resolve {{tasks.x.id}} (did you mean "
          "{{tasks.a.id}}?)",
          "10: templates.main.tasks.d failed to resolve {{steps.a.id}}"));
}

TEST(References, BrokenGraphsAreSomebodyElsesMatter) {
  EXPECT_THAT(
      check(R"(spec:
  entrypoint: main
  templates:
  - name: main
    dag:
      tasks:
      - {name: a, template: pod, dependencies: [b]}
      - {name: b, template: nowhere, dependencies: [a, x], when: "{{tasks.a.status}} {{tasks.b}}"}
      - {name: c, template: pod, depends: "x && b", when: "{{tasks.b.outputs.parameters.any}}"}
  - {name: pod, container: {image: i, args: ["{{unclosed"]}}
  - name: other
    dag:
      tasks:
      - {name: a, template: pod}
      - {name: b, template: pod, depends: "a &&", when: "{{tasks.a.status}}"}
  - {name: nothing}
)"),
      ElementsAre(
          "8: templates.main.tasks.b failed to resolve {{tasks.b}} (a task does not know itself)"));
}

TEST(References, FailuresAreForExitHandlers) {
  const std::string templates = R"(  templates:
  - {name: main, steps: [[{name: a, template: pod, onExit: hook}]]}
  - {name: pod, container: {image: i}}
  - {name: hook, container: {image: i, args: ["{{workflow.failures}}"]}}
  - {name: bye, steps: [[{name: a, template: report}]]}
  - {name: report, container: {image: i, args: ["{{workflow.failures}} {{workflow.status}}"]}}
)";
  EXPECT_THAT(check("spec:\n  onExit: bye\n" + templates), IsEmpty());
  EXPECT_THAT(check("spec:\n  entrypoint: main\n" + templates),
              ElementsAre("6: templates.hook: failed to resolve {{workflow.failures}}",
                          "8: templates.report: failed to resolve {{workflow.failures}}"));
  EXPECT_THAT(check("spec:\n  entrypoint: main\n  onExit: bye\n" + templates),
              ElementsAre("7: templates.hook: failed to resolve {{workflow.failures}}"));
}

TEST(References, PriorityIsKnownWhenItIsSet) {
  EXPECT_THAT(check("spec: {entrypoint: m, priority: 3, templates: [{name: m, container: {image: "
                    "'{{workflow.priority}}'}}]}\n"),
              IsEmpty());
}

// A chain in which each task refers to the first one, and one in which all names are wrong.
TEST(References, LongChains) {
  std::string spec =
      "spec:\n  entrypoint: main\n  templates:\n  - {name: p, container: {image: i}}\n  - name: "
      "main\n    dag:\n      tasks:\n      - {name: t0, template: p}\n";
  for (int i = 1; i < 2000; ++i) {
    spec += "      - {name: t" + std::to_string(i) + ", template: p, dependencies: [t" +
            std::to_string(i - 1) + "], when: '{{tasks.t0.status}}'}\n";
  }
  EXPECT_THAT(check(spec), IsEmpty());
}

TEST(Suggestion, Nearest) {
  constexpr std::array<std::string_view, 6> kNames = {"image", "imagePullPolicy", "args", "command",
                                                      "env",   "envFrom"};
  const std::pair<const char*, const char*> cases[] = {
      {"imgae", "image"},
      {"Image", "image"},
      {"imagepullpolicy", "imagePullPolicy"},
      {"comand", "command"},
      {"commands", "command"},
      {"arg", "args"},
      {"enf", "env"},
      {"envfrom", "envFrom"},
      {"", ""},
      {"something", ""},
      {"x", ""},
  };
  for (const auto& [name, expected] : cases) {
    EXPECT_EQ(nearest(name, kNames), expected) << name;
  }
  EXPECT_EQ(did_you_mean("comand", kNames), " (did you mean 'command'?)");
  EXPECT_EQ(did_you_mean("comand", {}), "");
  EXPECT_EQ(nearest(std::string(100'000, 'a'), kNames), "");
}

}  // namespace
}  // namespace gantry::workflow::argo
