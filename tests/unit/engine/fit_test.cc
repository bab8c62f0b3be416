#include "daemon/engine/fit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "workflow/parse.h"

namespace gantry::engine {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr scheduler::Amounts kHost{.cpu_milli = 4000, .memory_bytes = 8ll << 30, .slots = 110};

/// What is wrong with a workflow of these templates.
std::vector<std::string> errors(const std::string& templates) {
  workflow::Diagnostics diagnostics;
  const auto compiled = workflow::compile_workflows(
      "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata: {name: wf}\nspec:\n  entrypoint: main\n  templates:\n" + templates,
      workflow::Format::Yaml, {}, diagnostics);
  for (const auto& one : diagnostics.items()) ADD_FAILURE() << workflow::to_string(one, "test");
  if (compiled.size() == 1) check_fit(*compiled.front().plan, kHost, diagnostics);
  std::vector<std::string> texts;
  for (const auto& one : diagnostics.items()) texts.push_back(workflow::to_string(one, "wf.yaml"));
  return texts;
}

TEST(CheckFit, WhatFitsIsNotMentioned) {
  EXPECT_THAT(errors("  - {name: main, container: {image: a, resources: {requests: {cpu: '4', memory: 8Gi}}}}\n"), IsEmpty());
}

TEST(CheckFit, SaysWhereAndWhyAPodCanNeverStart) {
  EXPECT_THAT(errors("  - name: main\n    container: {image: a, resources: {requests: {cpu: 5000m}}}\n"),
              ElementsAre("wf.yaml:8:16: template main can never start: it requests 5000m CPU, this host offers 4000m"));
  EXPECT_THAT(errors("  - name: main\n    container: {image: a, resources: {limits: {memory: 9Gi}}}\n"),
              ElementsAre("wf.yaml:8:16: template main can never start: it requests 9216 MiB of memory, this host offers 8192 MiB"));
}

TEST(CheckFit, ContainersOfAPodAddUpButInitContainersRunAlone) {
  const std::string main = "  - name: main\n    container: {image: a, resources: {requests: {cpu: '3'}}}\n";
  EXPECT_THAT(errors(main + "    sidecars: [{name: s, image: a, resources: {requests: {cpu: '2'}}}]\n"),
              ElementsAre("wf.yaml:8:16: template main can never start: it requests 5000m CPU, this host offers 4000m"));
  EXPECT_THAT(errors(main + "    initContainers: [{name: i, image: a, resources: {requests: {cpu: '2'}}}]\n"), IsEmpty());
  EXPECT_THAT(errors(main + "    initContainers: [{name: i, image: a, resources: {requests: {cpu: '6'}}}]\n").size(), 1u);
}

TEST(CheckFit, OnlyTemplatesThatMayRunCount) {
  const std::string big = "  - name: big\n    container: {image: a, resources: {requests: {cpu: '64'}}}\n";
  EXPECT_THAT(errors(big + "  - {name: main, container: {image: a}}\n"), IsEmpty());
  EXPECT_EQ(errors(big + "  - name: main\n    steps: [[{name: a, template: big}]]\n").size(), 1u);
}

TEST(CheckFit, WhatIsNotKnownYetIsLookedAtLater) {
  EXPECT_THAT(errors("  - name: main\n    inputs: {parameters: [{name: c, value: '64'}]}\n"
                     "    container: {image: a, resources: {requests: {cpu: '{{inputs.parameters.c}}'}}}\n"), IsEmpty());
  EXPECT_THAT(errors("  - name: main\n    podSpecPatch: '{}'\n    container: {image: a, resources: {requests: {cpu: '64'}}}\n"), IsEmpty());
}

}  // namespace
}  // namespace gantry::engine
