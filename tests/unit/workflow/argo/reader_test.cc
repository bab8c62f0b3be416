#include "workflow/argo/reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/workflows.h"

namespace gantry::workflow {
namespace {

using testing::AnyOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr const char* kRest = "    container: {image: busybox}\n";

TEST(Reader, UnknownFieldsNameTheirPathAndWhatWasMeant) {
  const std::pair<std::string, const char*> kCases[] = {
      {"  - name: main\n    container: {image: busybox, comand: [a]}\n",
       "8:33: unknown field \"comand\" in spec.templates[0].container, did you mean \"command\"?"},
      {"  - name: main\n    contaner: {image: busybox}\n",
       "8:5: unknown field \"contaner\" in spec.templates[0], did you mean \"container\"?"},
      {"  - name: main\n    xyzzy: 1\n    container: {image: busybox}\n",
       "8:5: unknown field \"xyzzy\" in spec.templates[0]"},
      {"  - name: main\n    container: {image: busybox, env: [{name: A, valeu: b}]}\n",
       "8:49: unknown field \"valeu\" in spec.templates[0].container.env[0], did you mean "
       "\"value\"?"},
      {"  - name: main\n    container: {image: busybox, volumeMounts: [{name: a, mountPaht: "
       "/a}]}\n",
       "unknown field \"mountPaht\" in spec.templates[0].container.volumeMounts[0], did you mean "
       "\"mountPath\"?"},
      {"  - name: main\n    steps: [[{name: a, templat: main}]]\n",
       "8:24: unknown field \"templat\" in spec.templates[0].steps[0][0], did you mean "
       "\"template\"?"},
      {"  - name: main\n    container: {image: busybox, image_pull_policy: Always}\n",
       "unknown field \"image_pull_policy\" in spec.templates[0].container, did you mean "
       "\"imagePullPolicy\"?"},
  };
  for (const auto& [templates, error] : kCases) {
    EXPECT_THAT(errors_of_templates(templates), ElementsAre(HasSubstr(error))) << templates;
  }
  EXPECT_THAT(
      errors_of_spec("  entrypiont: main\n  templates: []\n"),
      ElementsAre("5:3: unknown field \"entrypiont\" in spec, did you mean \"entrypoint\"?"));
  EXPECT_THAT(
      compile_yaml("apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetdata: {}\n").diagnostics,
      Contains("3:1: unknown field \"metdata\", did you mean \"metadata\"?"));
}

TEST(Reader, KnownFieldsThatCannotRunYetAreRefusedByPath) {
  const std::pair<std::string, const char*> kCases[] = {
      {"  - name: main\n    resourceClaims: [{name: a}]\n",
       "8:5: not supported yet: spec.templates[0].resourceClaims"},
      {"  - name: main\n    volumes: [{name: a, nfs: {}}]\n",
       "not supported yet: spec.templates[0].volumes[0].nfs"},
      {"  - name: main\n    outputs: {artifacts: [{name: a, path: /a, gcs: {key: k}}]}\n",
       "not supported yet: spec.templates[0].outputs.artifacts[0].gcs"},
  };
  for (const auto& [templates, error] : kCases) {
    EXPECT_THAT(errors_of_templates(templates + kRest), ElementsAre(HasSubstr(error))) << templates;
  }
  for (const char* kind : {"resource: {}", "plugin: {}"}) {
    EXPECT_THAT(errors_of_templates("  - name: main\n    " + std::string(kind) + "\n"),
                ElementsAre(HasSubstr("8:5: not supported yet: spec.templates[0].")))
        << kind;
  }
  for (const char* field :
       {"resourceClaims: [{name: a}]"}) {
    EXPECT_THAT(errors_of_spec("  " + std::string(field) +
                               "\n  entrypoint: main\n  templates:\n  - name: main\n" + kRest),
                ElementsAre(HasSubstr("5:3: not supported yet: spec.")))
        << field;
  }
}

TEST(Reader, WhatGoTakesForAbsentIsNoRefusedField) {
  EXPECT_THAT(
      errors_of_spec(
          "  hostNetwork: false\n  imagePullSecrets: []\n  podMetadata: {}\n  podSpecPatch: ''\n"
          "  ttlStrategy: null\n  entrypoint: main\n  templates:\n  - name: main\n    daemon: "
          "false\n"
          "    inputs: {artifacts: []}\n    suspend: ~\n" +
          std::string(kRest)),
      IsEmpty());
}

TEST(Reader, FieldsWithoutMeaningHereAreTakenWithANote) {
  EXPECT_THAT(
      errors_of_templates("  - name: main\n    nodeSelector: {a: b}\n    tolerations: []\n    "
                          "metadata: {labels: {a: b}}\n"
                          "    container: {image: busybox, name: x, ports: [{containerPort: 1}], "
                          "terminationMessagePath: /x}\n"),
      ElementsAre("8:5: note: spec.templates[0].nodeSelector has no effect on a single host"));
}

TEST(Reader, NamesOfFieldsMatchWithoutCase) {
  EXPECT_THAT(
      errors_of_spec(
          "  entryPoint: main\n  Templates:\n  - Name: main\n    CONTAINER: {Image: busybox}\n"),
      IsEmpty());
  EXPECT_THAT(errors_of_templates("  - name: main\n    Name: main\n" + std::string(kRest)),
              ElementsAre("8:5: duplicate key \"Name\": already set as \"name\" at line 7"));
}

TEST(Reader, WrongTypesSayWhatWasFoundAndExpected) {
  const std::pair<const char*, const char*> kCases[] = {
      {"    container: [a]\n",
       "8:16: spec.templates[0].container: expected an object, found a list (cannot unmarshal "
       "array into Go struct field "
       "Template.container of type map)"},
      {"    container: {image: busybox, args: abc}\n",
       "8:39: spec.templates[0].container.args: expected a list, found a string \"abc\""},
      {"    container: {image: busybox, tty: 'true'}\n",
       "spec.templates[0].container.tty: expected true or false, found a string \"true\" (cannot "
       "unmarshal string into Go "
       "struct field Container.tty of type bool)"},
      {"    container: {image: {a: b}}\n", "container.image: expected a string, found a map"},
      {"    parallelism: x\n    steps: []\n",
       "8:18: spec.templates[0].parallelism: expected an integer, found a string \"x\""},
      {"    parallelism: 1.5\n    steps: []\n", "expected an integer, found a number \"1.5\""},
      {"    parallelism: 99999999999999999999\n    steps: []\n",
       "expected an integer, found a number"},
      {"    activeDeadlineSeconds: true\n    container: {image: a}\n",
       "expected an integer or a string, found a boolean \"true\""},
      {"    steps: [{name: a, template: main}]\n",
       "8:13: spec.templates[0].steps[0]: expected a list of steps (\"- - name: …\"), found a map"},
      {"    steps: {name: a}\n", "8:12: spec.templates[0].steps: expected a list, found a map"},
      {"    container: {image: a, resources: {limits: {cpu: true}}}\n",
       "limits.cpu: expected a quantity, found a boolean"},
      {"    inputs: {parameters: [{name: a, value: [1]}]}\n    container: {image: a}\n",
       "value: expected a string, a number or a boolean, found a list"},
  };
  for (const auto& [body, error] : kCases) {
    EXPECT_THAT(errors_of_templates("  - name: main\n" + std::string(body)),
                ElementsAre(HasSubstr(error)))
        << body;
  }
  EXPECT_THAT(errors_of_spec("  templates: {a: b}\n"),
              Contains("5:14: spec.templates: expected a list, found a map "
                       "(cannot unmarshal object into Go struct field "
                       "WorkflowSpec.templates of type []templates)"));
}

TEST(Reader, NumbersAsTextsAreTakenUnlessStrict) {
  const std::string yaml = workflow_yaml(
      "  entrypoint: main\n  arguments: {parameters: [{name: p, value: 1.10}]}\n  templates:\n  - "
      "name: main\n"
      "    activeDeadlineSeconds: 012\n    container:\n      image: busybox\n      args: [exit, 1, "
      "yes]\n"
      "      resources: {limits: {cpu: 0.5}}\n");
  const auto loose = compile_yaml(yaml);
  EXPECT_THAT(loose.diagnostics, IsEmpty());
  ASSERT_EQ(loose.compiled.size(), 1u);
  EXPECT_EQ(
      loose.compiled[0].spec_json,
      R"({"entrypoint":"main","arguments":{"parameters":[{"name":"p","value":"1.1"}]},"templates":[{"name":"main",)"
      R"("activeDeadlineSeconds":"10","container":{"image":"busybox","args":["exit","1","true"],)"
      R"("resources":{"limits":{"cpu":"0.5"}}}}]})");
  EXPECT_THAT(
      compile_yaml(yaml, {.strict = true}).diagnostics,
      ElementsAre(
          HasSubstr("1.10 without quotes is read as"),
          HasSubstr(
              "12:20: spec.templates[0].container.args[1]: expected a string, found a number \"1\" "
              "(cannot unmarshal number into Go struct field Container.args of type string)"),
          HasSubstr(
              "12:23: spec.templates[0].container.args[2]: expected a string, found a boolean "
              "\"true\" (cannot unmarshal bool into")));
}

TEST(Reader, StrictWarnsOfScalarsThatSurprise) {
  EXPECT_THAT(
      errors_of_spec(
          "  entrypoint: main\n  arguments: {parameters: [{name: a, value: 012}, {name: b, value: "
          "12}, {name: c, value: yes}, {name: d, value: '012'}]}\n  templates:\n  - name: main\n" +
              std::string(kRest),
          {.strict = true}),
      ElementsAre(
          "6:45: warning: spec.arguments.parameters[0].value: 012 without quotes is read as \"10\"",
          HasSubstr("parameters[2].value: yes without quotes is read as \"true\"")));
}

}  // namespace
}  // namespace gantry::workflow
