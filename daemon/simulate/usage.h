#pragma once

// How much of the host was in use, and when.

#include <array>
#include <vector>

#include "daemon/simulate/simulation.h"

namespace gantry::simulate {

/// From `at` on, until the next one.
struct Usage {
  Time at{};
  scheduler::Amounts amounts{0, 0, 0};  ///< slots: pods
};

std::vector<Usage> usage(const Played& played);

/// Over the whole run.
struct UsageSum {
  double cpu_milli = 0, memory_bytes = 0, pods = 0;  ///< on average
  scheduler::Amounts peak{0, 0, 0};
  std::array<double, scheduler::Amounts::kNamed> named{};  ///< on average; where they stand in Host::resources
  std::vector<double> pods_over_time;                ///< of equal parts of the run, on average
};
UsageSum sum(const std::vector<Usage>& usage, Time begin, Time end, std::size_t parts);

}  // namespace gantry::simulate
