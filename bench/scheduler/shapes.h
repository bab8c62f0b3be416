#pragma once

// The graphs that scheduler benchmarks run.

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "workflow/topology.h"

namespace gantry::bench {

using workflow::Index;

struct Shape {
  Index count = 0;
  std::vector<std::pair<Index, Index>> edges;  ///< (from, to); from < to
  /// As a compiled plan, which all runs of it share.
  workflow::Topology topology;
  /// Of that plan, in bytes.
  [[nodiscard]] std::size_t plan_bytes() const;
};

/// By name, compiled:
///  * "chain";
///  * "fan": one task, all others but the last, the last;
///  * "grid": each task after its left and its upper neighbour;
///  * "layered": layers of equal width and number, each task after three random ones of the layer before.
Shape make_shape(const std::string& name, Index tasks);

}  // namespace gantry::bench
