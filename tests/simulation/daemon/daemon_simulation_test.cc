// The whole daemon from a seed, with everything that can go wrong around it; see README.md.
//
//   GANTRY_DAEMON_SEEDS=N   how many seeds, from GANTRY_DAEMON_FIRST      GANTRY_SEED=S   that one only, with every step
//   GANTRY_KEEP_GOING=1     names every seed that fails, one a line

#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "tests/simulation/daemon/shrink.h"

namespace gantry::testing::whole {
namespace {

std::uint64_t number_of(const char* variable, std::uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

TEST(DaemonSimulation, WhatWasPromisedIsKept) {
  const std::uint64_t one = number_of("GANTRY_SEED", 0);
  const std::uint64_t last = one > 0 ? one : number_of("GANTRY_DAEMON_SEEDS", 10'000);
  const std::uint64_t first = one > 0 ? one : number_of("GANTRY_DAEMON_FIRST", 1);
  const bool keep_going = std::getenv("GANTRY_KEEP_GOING") != nullptr;
  std::size_t steps = 0;
  for (std::uint64_t seed = first; seed <= last; ++seed) {
    const Play whole = make_play(seed);
    const Outcome outcome = play(whole, one > 0);
    if (one > 0) std::printf("%s", outcome.story.c_str());
    steps += outcome.steps;
    if (outcome.problems.empty()) continue;
    if (keep_going) {
      std::printf("seed %lu: %s\n", static_cast<unsigned long>(seed), outcome.problems.front().c_str());
      continue;
    }
    FAIL() << "seed " << seed << ": " << outcome.problems.front() << "; again, step by step, with GANTRY_SEED=" << seed << '\n'
           << report(shrink(whole));
  }
  std::printf("%zu steps\n", steps);
}

}  // namespace
}  // namespace gantry::testing::whole
