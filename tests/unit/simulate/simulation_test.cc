#include "daemon/simulate/simulation.h"

#include <gmock/gmock.h>

#include "daemon/simulate/report.h"
#include "tests/unit/simulate/fixture.h"

namespace gantry::simulate {
namespace {

using std::chrono::seconds;
using ::testing::ElementsAre;

const char* const kTimes = "compile: 60s\nunit: 30s\nlint: 10s\npackage: 5s\n";

std::vector<std::string> names(const Played& played, const std::vector<std::size_t>& pods) {
  std::vector<std::string> names;
  for (const std::size_t pod : pods) names.push_back(played.pods[pod].node->display_name);
  return names;
}

TEST(Simulate, NamedResourcesHoldStepsUp) {
  Host gpus = host(8);
  ASSERT_TRUE(gpus.offer({.name = "nvidia.com/gpu", .total = 2, .units = {}}));
  const auto workflow = compile(R"(
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: train}
spec:
  entrypoint: main
  templates:
  - name: main
    dag: {tasks: [{name: a, template: train}, {name: b, template: train}, {name: c, template: train}]}
  - name: train
    container: {image: busybox, resources: {limits: {nvidia.com/gpu: 1}}}
)");
  const Played played = simulate(workflow, gpus, durations("'*': 10s\n"), 1);
  EXPECT_EQ(played.run->status.phase, engine::RunPhase::Succeeded);
  EXPECT_EQ(played.makespan(), seconds(20));
  EXPECT_THAT(report(played, gpus), ::testing::HasSubstr("nvidia.com/gpu: 75 % of 2 requested on average, at most 2\n"));
}

TEST(Simulate, StepsTakeWhatTheyAreSaidToTake) {
  const Host two = host(2);
  const Durations times = durations(kTimes);
  const auto workflow = compile(kDiamond);
  const Played played = simulate(workflow, two, times, 1);
  EXPECT_EQ(played.run->status.phase, engine::RunPhase::Succeeded);
  EXPECT_EQ(played.makespan(), seconds(60 + 30 + 5));
  EXPECT_EQ(played.pods.size(), 4u);
  EXPECT_THAT(names(played, critical_path(played)), ElementsAre("compile", "unit", "package"));
}

TEST(Simulate, ASmallerHostTakesLonger) {
  const Host one = host(1);
  const Durations times = durations(kTimes);
  const auto workflow = compile(kDiamond);
  const Played played = simulate(workflow, one, times, 1);
  EXPECT_EQ(played.makespan(), seconds(60 + 30 + 10 + 5));
  EXPECT_THAT(names(played, critical_path(played)), ElementsAre("compile", "unit", "lint", "package"));
  EXPECT_EQ(played.pods[2].admitted - played.pods[2].ready, seconds(30)) << "lint waited for the host";
}

TEST(Simulate, StartingAPodTakesItsTime) {
  Host two = host(2);
  two.start_up = Duration(250);
  const Durations times = durations(kTimes);
  const auto workflow = compile(kDiamond);
  EXPECT_EQ(simulate(workflow, two, times, 1).makespan(), seconds(95) + 3 * Duration(250));
}

TEST(Simulate, TheSameSeedGivesTheSameRun) {
  const Host two = host(2);
  const Durations times = durations("'*': exponential 30s");
  const auto workflow = compile(kDiamond);
  const Duration first = simulate(workflow, two, times, 1).makespan();
  EXPECT_EQ(simulate(workflow, two, times, 1).makespan(), first);
  EXPECT_NE(simulate(workflow, two, times, 2).makespan(), first);
}

TEST(Simulate, FailuresOutputsAndSuspensionsArePlayed) {
  const Host two = host(2);
  const auto workflow = compile(R"(
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: release}
spec:
  entrypoint: main
  onExit: notify
  templates:
  - name: main
    steps:
    - - {name: list, template: list}
    - - {name: approve, template: approve}
    - - {name: build, template: work, withParam: "{{steps.list.outputs.result}}"}
    - - {name: deploy, template: deploy}
  - name: list
    script: {image: busybox, command: [sh], source: echo}
  - {name: approve, suspend: {}}
  - name: work
    container: {image: busybox}
  - name: deploy
    container: {image: busybox}
  - name: notify
    container: {image: busybox}
)");
  const Durations times = durations("list: {duration: 1s, result: '[1, 2, 3]'}\ndeploy: {duration: 2s, exitCode: 1}\n'*': 10s\n");
  const Played played = simulate(workflow, two, times, 1);
  EXPECT_EQ(played.run->status.phase, engine::RunPhase::Failed);
  EXPECT_EQ(played.pods.size(), 1u + 3 + 1 + 1) << "list, three builds, deploy, notify";
  EXPECT_EQ(played.makespan(), seconds(1 + 10 + 2 + 10));
  EXPECT_THAT(played.waited, ElementsAre("approve"));
}

}  // namespace
}  // namespace gantry::simulate
