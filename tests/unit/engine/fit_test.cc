#include "daemon/engine/fit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "workflow/parse.h"

namespace gantry::engine {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Host host() {
  Host host{.capacity = {.cpu_milli = 4000, .memory_bytes = 8ll << 30, .slots = 110}, .resources = {}};
  host.offer({.name = "nvidia.com/gpu", .total = 2, .units = {}});
  host.offer({.name = "example.com/licence", .total = 1000, .units = {}});
  return host;
}

/// What is wrong with a workflow of these templates.
std::vector<std::string> errors(const std::string& templates, const Host& where = host()) {
  workflow::Diagnostics diagnostics;
  const auto compiled = workflow::compile_workflows(
      "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata: {name: wf}\nspec:\n  entrypoint: main\n  templates:\n" + templates,
      workflow::Format::Yaml, {}, diagnostics);
  for (const auto& one : diagnostics.items()) ADD_FAILURE() << workflow::to_string(one, "test");
  if (compiled.size() == 1) check_fit(*compiled.front().plan, where, diagnostics);
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

TEST(CheckFit, NamedResourcesAreCountedByName) {
  const auto asks = [](const std::string& limits) {
    return errors("  - name: main\n    container: {image: a, resources: {limits: {" + limits + "}}}\n");
  };
  EXPECT_THAT(asks("nvidia.com/gpu: 2, example.com/licence: 1k"), IsEmpty());
  EXPECT_THAT(asks("nvidia.com/gpu: 3"),
              ElementsAre("wf.yaml:8:16: template main can never start: it requests 3 of nvidia.com/gpu, this host offers 2"));
  EXPECT_THAT(asks("nvidia.com/gpus: 1"),
              ElementsAre("wf.yaml:8:16: template main can never start: it requests 1 of nvidia.com/gpus, this host offers none "
                          "(did you mean 'nvidia.com/gpu'?)"));
  EXPECT_THAT(asks("amd.com/fpga: 1"),
              ElementsAre("wf.yaml:8:16: template main can never start: it requests 1 of amd.com/fpga, this host offers none"));
  EXPECT_THAT(asks("amd.com/fpga: 0"), IsEmpty());
}

TEST(CheckFit, NamedResourcesOfAPodAddUpAsCpuDoes) {
  const std::string gpu = ", image: a, resources: {limits: {nvidia.com/gpu: ";
  const std::string main = "  - name: main\n    container: {image: a, resources: {limits: {nvidia.com/gpu: 2}}}\n";
  EXPECT_THAT(errors(main + "    initContainers: [{name: i" + gpu + "2}}}, {name: j" + gpu + "1}}}]\n"), IsEmpty());
  EXPECT_THAT(errors(main + "    initContainers: [{name: i" + gpu + "3}}}]\n").size(), 1u);
  EXPECT_THAT(errors(main + "    sidecars: [{name: s" + gpu + "1}}}]\n").size(), 1u);
  EXPECT_THAT(errors("  - name: main\n    containerSet: {containers: [{name: a" + gpu + "1}}}, {name: b" + gpu + "1}}}]}\n"), IsEmpty());
  EXPECT_THAT(errors("  - name: main\n    containerSet: {containers: [{name: a" + gpu + "1}}}, {name: b" + gpu + "2}}}]}\n"),
              ElementsAre("wf.yaml:7:5: template main can never start: it requests 3 of nvidia.com/gpu, this host offers 2"));
}

TEST(CheckFit, ProcessesCountWhereTheHostCountsThem) {
  Host host{.capacity = {.cpu_milli = 4000, .memory_bytes = 8ll << 30, .slots = 110, .pids = 2000}, .resources = {}};
  const std::string one = "  - name: main\n    container: {image: a}\n";
  const std::string two = one + "    sidecars: [{name: s, image: a}]\n";
  EXPECT_THAT(errors(one, host), IsEmpty());
  EXPECT_THAT(errors(two, host), ElementsAre("wf.yaml:8:16: template main can never start: it requests 2048 processes, "
                                             "this host offers 2000 processes"));
  host.default_pids = 1000;
  EXPECT_THAT(errors(two, host), IsEmpty());
  host.capacity.pids = 0;
  host.default_pids = 1024;
  EXPECT_THAT(errors(two, host), IsEmpty());
}

TEST(Host, OffersEightNamesEachOnce) {
  Host host;
  for (int i = 1; i <= 8; ++i) ASSERT_TRUE(host.offer({.name = "a.b/" + std::to_string(i), .total = i, .units = {}}));
  const auto twice = host.offer({.name = "a.b/3", .total = 5, .units = {}});
  ASSERT_FALSE(twice);
  EXPECT_EQ(twice.error().message, "a.b/3 is there twice");
  const auto ninth = host.offer({.name = "a.b/9", .total = 5, .units = {}});
  ASSERT_FALSE(ninth);
  EXPECT_EQ(ninth.error().message, "at most 8 resources can be counted, a.b/9 is one too many");
  EXPECT_EQ(host.capacity.named, (std::array<std::int64_t, 8>{1, 2, 3, 4, 5, 6, 7, 8}));
}

TEST(AmountsOf, APodsProcessesAreThoseThatItsContainersMayHave) {
  runtime::PodSpec pod;
  pod.containers = {{.name = "main"}, {.name = "init"}, {.name = "side"}};
  pod.containers[0].resources.pids_limit = 10;
  pod.containers[1].role = runtime::Role::Init;
  pod.containers[1].resources.pids_limit = 5000;
  Host host;
  EXPECT_EQ(amounts_of(pod, host)->pids, 0);
  host.capacity.pids = 10000;
  EXPECT_EQ(amounts_of(pod, host)->pids, 5000);
  pod.containers[1].resources.pids_limit = 20;
  EXPECT_EQ(amounts_of(pod, host)->pids, 10 + 1024);
  EXPECT_EQ(amounts_of(pod, host)->slots, 1);
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
