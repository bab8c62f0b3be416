// Random workflows through the real engine and scheduler, from a seed, against an oracle.
//
//   GANTRY_SEEDS=N   how many seeds (default 2000)      GANTRY_SEED=S   that one seed only, with its story

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "base/ids.h"
#include "tests/simulation/oracle.h"
#include "tests/simulation/world.h"
#include "tests/support/plans.h"

namespace gantry::testing {
namespace {

using engine::Shutdown;
using workflow::Phase;

std::uint64_t mix(std::uint64_t seed, std::uint64_t value) {
  std::uint64_t x = seed * 0x9e3779b97f4a7c15u + value;
  x ^= x >> 31, x *= 0xbf58476d1ce4e5b9u, x ^= x >> 27;
  return x;
}

/// How the pod of a node ends, by the seed and the node's id alone.
Phase ending_of(std::uint64_t seed, const std::string& node_id) {
  std::uint64_t roll = mix(seed, fnv32a(node_id)) % 100;
  return roll < 20 ? Phase::Failed : roll < 24 ? Phase::Error : Phase::Succeeded;
}

runtime::SimulatedRuntime::Author author(std::uint64_t seed) {
  return [seed](const runtime::PodSpec& pod) {
    std::string node = pod.labels.at("gantry.io/node");
    std::uint64_t roll = mix(seed + 1, fnv32a(node));
    runtime::Script script;
    script.prepare = Duration(roll % 20);
    script.start = Duration(roll / 32 % 5);
    script.run = Duration(roll / 256 % 200);
    script.ignores_sigterm = roll / 65536 % 8 == 0;
    Phase phase = ending_of(seed, node);
    if (phase == Phase::Failed) script.exit_code = 1;
    if (phase == Phase::Error && roll % 2 == 0) script.prepare_error = "no such image";
    if (phase == Phase::Error && roll % 2 == 1) script.lost = true;
    return script;
  };
}

std::string node_id(const std::string& run, const std::string& name) {
  return name == run ? run : run + "-" + std::to_string(fnv32a(name));
}

Phases phases_of(const World::StoredRun& run) {
  Phases phases;
  for (const auto& [name, node] : run.nodes) phases[name] = node.phase;
  return phases;
}

std::string story(const World::StoredRun& run) {
  std::string text = ", shutdown '" + std::string(engine::shutdown_name(run.status.shutdown)) + "'";
  for (const std::string& name : run.order) {
    const engine::Node& node = run.nodes.at(name);
    text += "\n  " + name + " " + std::string(engine::node_type_name(node.type)) + " " +
            std::string(workflow::phase_name(node.phase)) + " " + node.message;
  }
  return text;
}

/// What holds at rest, whatever was done to the world.
void check_at_rest(World& world) {
  for (const auto& [uid, run] : world.stored()) {
    EXPECT_TRUE(engine::is_ended(run.status.phase)) << uid << " never ended" << story(run);
    for (const auto& [name, node] : run.nodes) {
      EXPECT_TRUE(workflow::is_fulfilled(node.phase)) << name << " is " << workflow::phase_name(node.phase);
    }
  }
  EXPECT_EQ(world.runtime().pods(), 0u) << "pods are left over";
  for (const auto& [pod, starts] : world.runtime().starts()) EXPECT_LE(starts, 1) << pod << " was started again";
}

World make_world(std::uint64_t seed) {
  World::Options options;
  options.seed = seed;
  options.author = author(seed);
  options.settings.capacity = {.cpu_milli = 4000, .memory_bytes = 1 << 30, .slots = 3};
  options.settings.termination_grace = Duration(50);
  return World(std::move(options));
}

/// A run that is left alone ends as the oracle says, node by node.
void undisturbed(std::uint64_t seed) {
  World world = make_world(seed);
  auto plan = random_plan(world.random());
  world.submit("wf", plan);
  world.run_to_rest();
  check_at_rest(world);
  auto expected =
      expected_phases(*plan, "wf", [&](const std::string& name) { return ending_of(seed, node_id("wf", name)); });
  EXPECT_EQ(phases_of(world.stored().at("wf")), expected);
}

/// Crashes of the daemon at any moment change nothing but the time it takes.
void with_crashes(std::uint64_t seed) {
  World world = make_world(seed);
  auto plan = random_plan(world.random());
  world.submit("wf", plan);
  while (world.stored().empty() && world.step()) {
  }
  std::size_t crashes = 1 + world.random()() % 4;
  for (std::size_t i = 0; i < crashes; ++i) {
    for (std::size_t steps = world.random()() % 60; steps > 0 && world.step(); --steps) {
    }
    world.crash();
  }
  world.run_to_rest();
  check_at_rest(world);
  auto expected =
      expected_phases(*plan, "wf", [&](const std::string& name) { return ending_of(seed, node_id("wf", name)); });
  EXPECT_EQ(phases_of(world.stored().at("wf")), expected);
}

/// Several runs at once, stopped, terminated, deleted and crashed at random: all come to rest, nothing is left over,
/// nothing is started twice.
void disturbed(std::uint64_t seed) {
  World world = make_world(seed);
  for (int i = 0; i < 3; ++i) world.submit("wf" + std::to_string(i), random_plan(world.random()));
  std::size_t steps = 20 + world.random()() % 300;
  for (std::size_t i = 0; i < steps && world.step(); ++i) {
    std::string uid = "wf" + std::to_string(world.random()() % 3);
    switch (world.random()() % 60) {
      case 0: world.shut_down(uid, Shutdown::Stop); break;
      case 1: world.shut_down(uid, Shutdown::Terminate); break;
      case 2: if (world.stored().contains(uid)) world.forget(uid); break;
      case 3: world.crash(); break;
      default: break;
    }
  }
  world.run_to_rest();
  check_at_rest(world);
}

void for_each_seed(void (*check)(std::uint64_t)) {
  if (const char* one = std::getenv("GANTRY_SEED")) {
    check(std::strtoull(one, nullptr, 10));
    return;
  }
  const char* text = std::getenv("GANTRY_SEEDS");
  std::uint64_t seeds = text != nullptr ? std::strtoull(text, nullptr, 10) : 2000;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    check(seed);
    if (::testing::Test::HasFailure()) {
      FAIL() << "seed " << seed << "; again with GANTRY_SEED=" << seed;
    }
  }
}

TEST(Simulation, ARunThatIsLeftAloneEndsAsTheOracleSays) { for_each_seed(undisturbed); }
TEST(Simulation, CrashesOfTheDaemonChangeNothing) { for_each_seed(with_crashes); }
TEST(Simulation, WhateverUsersDoAllComesToRest) { for_each_seed(disturbed); }

}  // namespace
}  // namespace gantry::testing
