// Random workflows, written as manifests, through the real compiler, engine and scheduler, from a seed, against an oracle.
//
//   GANTRY_SEEDS=N   how many seeds (default 2000)      GANTRY_SEED=S   that one seed only, with its story

#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/simulation/play.h"
#include "tests/simulation/shrink.h"

namespace gantry::testing {
namespace {

std::uint64_t number_of(const char* variable, std::uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

void for_each_seed(Mode mode) {
  const std::uint64_t one = number_of("GANTRY_SEED", 0);
  const std::uint64_t last = one > 0 ? one : number_of("GANTRY_SEEDS", 2000);
  for (std::uint64_t seed = one > 0 ? one : 1; seed <= last; ++seed) {
    const Play whole = make_play(mode, seed);
    if (play(whole).problems.empty()) continue;
    FAIL() << "seed " << seed << ", " << mode_name(mode) << "; again with GANTRY_SEED=" << seed << '\n' << report(shrink(whole));
  }
}

TEST(Simulation, ARunThatIsLeftAloneEndsAsTheOracleSays) { for_each_seed(Mode::Undisturbed); }
TEST(Simulation, CrashesOfTheDaemonChangeNothing) { for_each_seed(Mode::Crashes); }
TEST(Simulation, WhatUsersDoIsDoneAndNothingElse) { for_each_seed(Mode::Users); }
TEST(Simulation, EverythingAtOnceComesToRest) { for_each_seed(Mode::Everything); }

}  // namespace
}  // namespace gantry::testing
