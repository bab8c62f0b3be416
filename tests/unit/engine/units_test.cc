// Which unit of a named resource a step gets, and that it keeps it whatever becomes of the daemon.

#include "daemon/engine/units.h"

#include <set>

#include "tests/unit/engine/engine_fixture.h"

namespace gantry::engine {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

NamedResource boards(int count) {
  NamedResource resource{.name = "example.com/board", .total = count, .units = {}};
  for (int i = 0; i < count; ++i) {
    const std::string number = std::to_string(i);
    resource.units.push_back({.devices = {{"/dev/board" + number, "/dev/board", "rw"}}, .env = {{"BOARD", number, true}}});
  }
  return resource;
}

Host host_of(int count) {
  Host host{.capacity = {.cpu_milli = 100'000, .memory_bytes = 1ll << 40, .slots = 100}, .resources = {}};
  host.offer({.name = "example.com/licence", .total = 3, .units = {}});
  host.offer(boards(count));
  return host;
}

scheduler::Amounts wanted(std::int64_t licences, std::int64_t boards) {
  scheduler::Amounts amounts;
  amounts.named[0] = licences;
  amounts.named[1] = boards;
  return amounts;
}

TEST(Units, TheLowestFreeOnesAreTakenAndNoneTwice) {
  Units units(host_of(4));
  const HeldUnits first = units.take(wanted(1, 2)), second = units.take(wanted(0, 1));
  EXPECT_THAT(first, ElementsAre(Pair("example.com/board", ElementsAre(0, 1)))) << "licences are only counted";
  EXPECT_THAT(second, ElementsAre(Pair("example.com/board", ElementsAre(2))));
  units.give_back(first);
  EXPECT_THAT(units.take(wanted(0, 3)), ElementsAre(Pair("example.com/board", ElementsAre(0, 1, 3))));
  EXPECT_THAT(units.take(wanted(3, 0)), IsEmpty());
}

TEST(Units, WhatIsHeldAlreadyIsNotGivenAgain) {
  Units units(host_of(2));
  const HeldUnits adopted{{"example.com/board", {0, 7}}, {"example.com/gone", {0}}};
  units.hold(adopted);
  EXPECT_THAT(units.take(wanted(0, 1)), ElementsAre(Pair("example.com/board", ElementsAre(1))));
  EXPECT_THAT(units.take(wanted(0, 1)), IsEmpty()) << "another configuration: what is left";
  units.give_back(adopted);
  EXPECT_THAT(units.take(wanted(0, 1)), ElementsAre(Pair("example.com/board", ElementsAre(0))));
}

runtime::ContainerSpec container(const std::string& name, runtime::Role role, std::int64_t boards) {
  runtime::ContainerSpec spec{.name = name};
  spec.role = role;
  if (boards > 0) spec.resources.extended["example.com/board"] = boards;
  return spec;
}

TEST(GiveUnits, EachContainerGetsItsOwn) {
  runtime::PodSpec pod;
  pod.containers = {container("main", runtime::Role::Main, 2), container("init", runtime::Role::Init, 1),
                    container("side", runtime::Role::Sidecar, 1), container("idle", runtime::Role::Sidecar, 0)};
  pod.containers[2].env = {{"BOARD", "mine"}, {"OTHER", "$(BOARD)"}};
  give_units({{"example.com/board", {1, 2, 4}}}, host_of(5), pod);
  const auto devices = [&](std::size_t i) {
    std::vector<std::string> paths;
    for (const auto& device : pod.containers[i].devices) paths.push_back(device.path);
    return paths;
  };
  EXPECT_THAT(devices(0), ElementsAre("/dev/board1", "/dev/board2"));
  EXPECT_THAT(devices(1), ElementsAre("/dev/board1")) << "it runs alone";
  EXPECT_THAT(devices(2), ElementsAre("/dev/board4"));
  EXPECT_THAT(devices(3), IsEmpty());
  ASSERT_EQ(pod.containers[0].env.size(), 1u);
  EXPECT_EQ(pod.containers[0].env[0].value, "1,2");
  EXPECT_EQ(pod.containers[1].env[0].value, "1");
  EXPECT_EQ(pod.containers[2].env.size(), 2u) << "the container sets it itself";
  EXPECT_EQ(pod.containers[2].env[0].value, "mine");
  EXPECT_EQ(pod.labels.at(kUnitsLabel), "example.com/board=1,2,4");
}

/// Three steps that each hold a board for a while, on a host with two of them.
class UnitsStory : public EngineTest {
 protected:
  explicit UnitsStory(std::uint64_t seed = 1) : EngineTest(two_boards(seed)) {
    // What the runtime is told last is what a pod is made with.
    on_prepare_ = [this](const PreparePod& prepared) {
      const auto label = prepared.pod.labels.find(kUnitsLabel);
      given_[prepared.pod.id] = label == prepared.pod.labels.end() ? "" : label->second;
    };
  }
  static World::Options two_boards(std::uint64_t seed) {
    World::Options options = EngineTest::options();
    options.seed = seed;
    options.settings.host = host_of(2);
    options.on_prepare = [](const PreparePod& prepared) {
      if (on_prepare_) on_prepare_(prepared);
    };
    return options;
  }
  ~UnitsStory() override { on_prepare_ = {}; }

  static constexpr const char* kSpec = R"(
  entrypoint: main
  templates:
  - name: main
    dag: {tasks: [{name: a, template: use}, {name: b, template: use}, {name: c, template: use}]}
  - name: use
    container: {image: a, command: [sleep, "1000"], resources: {limits: {example.com/board: 1}}}
)";

  /// Nodes that are begun and not over → their unit. No unit is two's.
  std::map<std::string, std::uint32_t> holders() {
    std::map<std::string, std::uint32_t> holders;
    std::set<std::uint32_t> taken;
    for (const auto& [name, node] : stored().nodes) {
      if (!node.start_intended || workflow::is_fulfilled(node.phase)) continue;
      const auto found = node.units->find("example.com/board");
      EXPECT_NE(found, node.units->end()) << name;
      if (found == node.units->end()) continue;
      EXPECT_EQ(found->second.size(), 1u);
      EXPECT_TRUE(taken.insert(found->second.front()).second) << name << " has a unit that another one holds";
      holders[name] = found->second.front();
    }
    return holders;
  }

  inline static std::function<void(const PreparePod&)> on_prepare_;
  std::map<std::string, std::string> given_;  ///< by pod
};

TEST_F(UnitsStory, AtMostAsManyRunAsThereAreUnits) {
  submit(kSpec);
  run_for(Duration(500));
  EXPECT_THAT(holders(), ElementsAre(Pair("wf.a", 0), Pair("wf.b", 1)));
  run_for(Duration(1000));
  EXPECT_THAT(holders(), ElementsAre(Pair("wf.c", 0))) << "the lowest one that was given back";
  world_.run_to_rest();
  EXPECT_EQ(end(), "Succeeded");
  std::vector<std::string> labels;
  for (const auto& [pod, label] : given_) labels.push_back(label);
  EXPECT_THAT(labels, UnorderedElementsAre("example.com/board=0", "example.com/board=0", "example.com/board=1"));
}

TEST_F(UnitsStory, APodThatIsTakenOverKeepsItsUnit) {
  submit(R"(
  entrypoint: main
  templates:
  - name: main
    dag: {tasks: [{name: a, template: brief}, {name: b, template: use}, {name: c, template: use}]}
  - name: brief
    container: {image: a, command: [sleep, "100"], resources: {limits: {example.com/board: 1}}}
  - name: use
    container: {image: a, command: [sleep, "1000"], resources: {limits: {example.com/board: 1}}}
)");
  run_for(Duration(500));
  EXPECT_THAT(holders(), ElementsAre(Pair("wf.b", 1), Pair("wf.c", 0)));
  world_.crash();
  run_for(Duration(50));
  EXPECT_THAT(holders(), ElementsAre(Pair("wf.b", 1), Pair("wf.c", 0)));
  world_.run_to_rest();
  EXPECT_EQ(end(), "Succeeded");
}

TEST_F(UnitsStory, WhatThisHostDoesNotHaveIsAnError) {
  run("  entrypoint: main\n  templates:\n  - name: main\n    inputs: {parameters: [{name: count, value: '3'}]}\n"
      "    container: {image: a, resources: {limits: {example.com/board: '{{inputs.parameters.count}}'}}}\n");
  EXPECT_EQ(end(), "Error | error in entry template execution: can never start: requests 3 of example.com/board, this host offers 2");
}

TEST_F(UnitsStory, ARequestThatVariablesMakeAnotherThanTheLimitIsAnError) {
  run("  entrypoint: main\n  templates:\n  - name: main\n    inputs: {parameters: [{name: count, value: '2'}]}\n"
      "    container: {image: a, resources: {requests: {example.com/board: 1}, limits: {example.com/board: '{{inputs.parameters.count}}'}}}\n");
  EXPECT_EQ(end(), "Error | error in entry template execution: example.com/board: the request, 1, must be equal to the limit of 2");
}

/// Crashes at any moment, a hundred times: no two hold one unit, and what is started is what was stored.
TEST(UnitsUnderCrashes, NobodyElseGetsAUnitThatIsHeld) {
  struct Story : UnitsStory {
    explicit Story(std::uint64_t seed) : UnitsStory(seed) {}
    void TestBody() override {
      submit(kSpec);
      while (!world_.stored().contains("wf") && world_.step()) {
      }
      for (int crashes = 0; crashes < 3; ++crashes) {
        for (std::uint64_t steps = world_.random()() % 40; steps > 0 && world_.step(); --steps) check();
        world_.crash();
        check();
      }
      while (world_.step()) check();
      EXPECT_EQ(end(), "Succeeded");
    }
    void check() {
      for (const auto& [name, unit] : holders()) {
        const Node& one = node(name);
        if (one.phase != Phase::Running) continue;
        EXPECT_EQ(given_[pod_id(stored().info, one)], "example.com/board=" + std::to_string(unit)) << name;
      }
    }
  };
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    SCOPED_TRACE(seed);
    Story story(seed);
    story.TestBody();
    if (::testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace gantry::engine
