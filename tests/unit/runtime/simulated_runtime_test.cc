#include "runtime/simulated/simulated_runtime.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

namespace gantry::runtime {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;

/// What happened, a line each: "12 started main".
class Recorder final : public Listener {
 public:
  explicit Recorder(SimulatedRuntime& runtime) : runtime_(runtime) {}
  void on_prepared(const std::string&) override { note("prepared"); }
  void on_failed(const std::string&, const Error& error) override { note("failed " + error.message); }
  void on_started(const std::string&, Time) override { note("pod started"); }
  void on_container(const std::string&, const std::string& name, const ContainerChange& change) override {
    if (!change.exit) return note(name + " started");
    note(name + (change.exit->never_started ? " never started: " + change.exit->reason
                                            : " exited " + std::to_string(change.exit->exit_code)));
  }
  void on_ready(const std::string&, const std::string& address) override { note("ready " + address); }
  void on_exited(const std::string&, PodExit ended) override {
    note("pod exited");
    exit = std::move(ended);
  }
  void on_lost(const std::string&, const Error&) override { note("lost"); }
  void on_removed(const std::string&) override { note("removed"); }
  void on_progress(const std::string&, const std::string&) override {}
  void on_connected(bool) override {}

  std::vector<std::string> lines;
  PodExit exit;

 private:
  void note(const std::string& what) {
    lines.push_back(std::to_string(runtime_.now().time_since_epoch().count()) + " " + what);
  }
  SimulatedRuntime& runtime_;
};

class SimulatedRuntimeTest : public ::testing::Test {
 protected:
  SimulatedRuntimeTest() { runtime.set_listener(&recorder); }

  ContainerSpec& add(const std::string& name, Role role = Role::Main) {
    ContainerSpec container;
    container.name = name;
    container.role = role;
    pod.containers.push_back(container);
    return pod.containers.back();
  }
  void start() {
    pod.id = "p";
    runtime.prepare(pod);
    runtime.start("p");
  }
  void run_all() {
    while (runtime.step()) {
    }
  }

  Script script;
  SimulatedRuntime runtime{Time{}, [this](const PodSpec&) { return script; }};
  Recorder recorder{runtime};
  PodSpec pod;
};

TEST_F(SimulatedRuntimeTest, TellsNoContainersOfAPlainPod) {
  add("main");
  start();
  run_all();
  EXPECT_THAT(recorder.lines, ElementsAre("1 prepared", "2 pod started", "2 ready 192.0.2.1", "3 pod exited"));
}

TEST_F(SimulatedRuntimeTest, RunsInitContainersFirstAndEndsSidecars) {
  add("first", Role::Init);
  add("second", Role::Init);
  add("main");
  add("side", Role::Sidecar);
  pod.network = Network::Bridge;
  start();
  run_all();
  EXPECT_THAT(recorder.lines,
              ElementsAre("1 prepared", "2 first started", "3 first exited 0", "3 second started", "4 second exited 0",
                          "4 pod started", "4 ready 10.88.0.2", "4 main started", "4 side started", "5 main exited 0",
                          "6 side exited 143", "6 pod exited"));
}

TEST_F(SimulatedRuntimeTest, StartsNothingAfterAFailedInitContainer) {
  add("first", Role::Init);
  add("main");
  script.containers["first"].exit_code = 3;
  start();
  run_all();
  EXPECT_THAT(recorder.lines,
              ElementsAre("1 prepared", "2 first started", "3 first exited 3",
                          "3 main never started: init container \"first\" did not succeed", "3 pod exited"));
  EXPECT_TRUE(recorder.exit.containers.at("main").never_started);
}

TEST_F(SimulatedRuntimeTest, FollowsDependenciesAndRetries) {
  add("a");
  add("b").dependencies = {"a"};
  add("c").dependencies = {"b"};
  add("d").dependencies = {"a"};
  pod.containers[0].attempts = 2;
  pod.containers[0].retry_pause = 10ms;
  script.containers["a"] = {1ms, 0, {7}, false, false};
  script.containers["b"] = {5ms, 2, {}, false, false};
  start();
  run_all();
  EXPECT_THAT(recorder.lines,
              ElementsAre("1 prepared", "2 pod started", "2 ready 192.0.2.1", "2 a started", "3 a exited 7",
                          "13 a started", "14 a exited 0", "14 b started", "14 d started", "15 d exited 0",
                          "19 b exited 2", "19 c never started: dependency \"b\" exited with non-zero code: 2",
                          "19 pod exited"));
  EXPECT_EQ(recorder.exit.containers.at("a").attempts, 2);
}

TEST_F(SimulatedRuntimeTest, EndsWhatIsSignalled) {
  add("main");
  add("later").dependencies = {"main"};
  add("side", Role::Sidecar);
  script.containers["main"].run.reset();
  start();
  while (recorder.lines.size() < 4) runtime.step();
  runtime.signal("p", SIGTERM, false);
  run_all();
  EXPECT_EQ(recorder.exit.containers.at("main").exit_code, 143);
  EXPECT_TRUE(recorder.exit.containers.at("later").never_started);
  EXPECT_EQ(recorder.exit.containers.at("side").exit_code, 143);
}

TEST_F(SimulatedRuntimeTest, EndsOneContainer) {
  add("a");
  add("b");
  script.containers["a"].run.reset();
  script.containers["b"].run = 50ms;
  start();
  while (recorder.lines.size() < 4) runtime.step();
  runtime.signal_container("p", "a", SIGTERM);
  run_all();
  EXPECT_EQ(recorder.exit.containers.at("a").exit_code, 143);
  EXPECT_EQ(recorder.exit.containers.at("b").exit_code, 0);
}

TEST_F(SimulatedRuntimeTest, IsReadyWhenTheScriptSaysSo) {
  add("main").readiness_probe.emplace();
  script.run = 100ms;
  script.ready = 20ms;
  start();
  run_all();
  EXPECT_THAT(recorder.lines, ElementsAre("1 prepared", "2 pod started", "22 ready 192.0.2.1", "102 pod exited"));
}

TEST_F(SimulatedRuntimeTest, TellsANewDaemonHowFarItIs) {
  add("main");
  add("later").dependencies = {"main"};
  script.containers["later"].run = 50ms;
  start();
  while (recorder.lines.empty() || recorder.lines.back() != "3 later started") runtime.step();
  recorder.lines.clear();
  runtime.adopt(pod);
  run_all();
  EXPECT_THAT(recorder.lines, ElementsAre("3 pod started", "3 ready 192.0.2.1", "3 main exited 0", "3 later started",
                                          "53 later exited 0", "53 pod exited"));
}

}  // namespace
}  // namespace gantry::runtime
