#pragma once

// One play of the simulation: workflows, what is done to them and to the daemon, and what was wrong in the end.

#include <cstdint>
#include <string>
#include <vector>

#include "tests/simulation/model.h"

namespace gantry::testing {

/// Something that happens from outside, before a step of the world.
struct Disturbance {
  enum class Kind : std::uint8_t {
    Crash, Stop, Terminate, Suspend, Resume, ResumeNodes, FailNodes, SetNodes, Retry, Resubmit, Delete
  };
  std::size_t step = 0;
  Kind kind = Kind::Crash;
  std::size_t run = 0;      ///< which one
  std::uint64_t roll = 0;   ///< for what else there is to choose
};
std::string to_string(const Disturbance& disturbance);

struct Play {
  std::uint64_t seed = 0;
  std::vector<model::Workflow> workflows;
  std::vector<Disturbance> disturbances;  ///< by step
};

enum class Mode : std::uint8_t { Undisturbed, Crashes, Users, Everything };
std::string_view mode_name(Mode mode);
Play make_play(Mode mode, std::uint64_t seed);

struct Verdicts {
  std::vector<std::string> problems;  ///< none: all is as it should be
  std::string story;                  ///< the nodes of all runs, one a line
};
/// Plays it. With `refuse` set, a workflow that does not compile is told there instead of being a problem.
Verdicts play(const Play& play, bool* refused = nullptr);

}  // namespace gantry::testing
