#pragma once

// What the programs of the simulated pods do, as a function of the seed, the node and the life of the run it is of.
// Both the simulated runtime and the oracle ask here, and nowhere else.

#include <cstdint>
#include <optional>
#include <string>

#include "runtime/simulated/simulated_runtime.h"

namespace gantry::testing {

std::uint64_t mix(std::uint64_t seed, std::uint64_t value);

/// How a pod ends when it is left alone.
struct Fate {
  int exit_code = 0;
  bool no_image = false;  ///< it cannot be prepared
  bool lost = false;      ///< it vanishes at its end
  Duration prepare{0}, start{0}, run{0};
  bool stubborn = false;  ///< it ignores SIGTERM
  bool loses_x = false, loses_artifact = false;
  std::string number;  ///< what it prints
  std::string list;    ///< what it writes to the output `list`
};

Fate fate_of(std::uint64_t seed, const std::string& node_id, std::uint32_t life);
/// Exit code of one attempt (from 0) of a container of a containerSet.
int container_exit_code(std::uint64_t seed, const std::string& node_id, std::uint32_t life, const std::string& container,
                        int attempt);
/// The output parameter x, which shows what the program was given.
std::string x_of(const Fate& fate, const std::string& argument);

/// The author of the simulated runtime. A pod says what it is by the name of its program: `work`, `serve` (a daemon).
runtime::SimulatedRuntime::Author author(std::uint64_t seed);

/// Argo's id of a node.
std::string node_id(const std::string& run, const std::string& name);

}  // namespace gantry::testing
