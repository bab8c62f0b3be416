#pragma once

// One play of the whole daemon: workflows, what goes wrong, and what was wrong in the end. A function of its seed.

#include <cstdint>
#include <string>
#include <vector>

#include "tests/simulation/daemon/machine.h"
#include "tests/simulation/daemon/mishap.h"
#include "tests/simulation/model.h"

namespace gantry::testing::whole {

struct Play {
  std::uint64_t seed = 0;
  std::vector<model::Workflow> workflows;
  Temper temper;
  std::vector<Mishap> mishaps;  ///< by step
};

Play make_play(std::uint64_t seed);

struct Outcome {
  std::vector<std::string> problems;  ///< none: everything was kept
  std::string story;                  ///< each step, when it was asked for
  std::size_t steps = 0;
};
Outcome play(const Play& play, bool tells = false);

}  // namespace gantry::testing::whole
