#pragma once

// What a simulated run is told as.

#include <string>

#include "daemon/simulate/simulation.h"

namespace gantry::simulate {

/// For a terminal: makespan, use of the host, the critical path.
std::string report(const Played& played, const Host& host);

/// The schedule as Chrome's trace events (JSON), which Perfetto opens (https://ui.perfetto.dev): a lane for each pod that
/// ran at once with others, and counters of what was in use.
std::string trace(const Played& played);

}  // namespace gantry::simulate
