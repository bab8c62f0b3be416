#pragma once

// Which tasks of a graph wait for which: all that the scheduler knows of a plan. Immutable once built, shared by all
// runs, four flat arrays: 12 bytes a task and 4 bytes an edge, and 4 bytes for each root.

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace gantry::workflow {

using Index = std::uint32_t;
inline constexpr Index kNone = 0xffffffffu;

struct Topology {
  std::vector<Index> dependency_count;  ///< per task: how many tasks must be fulfilled before it is looked at
  std::vector<Index> first_successor;   ///< tasks + 1 entries
  /// Compressed rows: the successors of task i are successors[first_successor[i] .. first_successor[i + 1]). Behind the
  /// last row stand the roots, the tasks without dependencies, in order: the successors of the graph's opening.
  std::vector<Index> successors;
  std::vector<Index> height;  ///< per task: tasks on the longest way from it to an end, itself included
  Index greatest_height = 0;
  Index ends = 0;             ///< tasks without successors: the graph is done when these are

  [[nodiscard]] Index task_count() const { return static_cast<Index>(dependency_count.size()); }
  [[nodiscard]] std::span<const Index> successors_of(Index task) const {
    return {successors.data() + first_successor[task], first_successor[task + 1] - first_successor[task]};
  }
  [[nodiscard]] std::span<const Index> roots() const {
    return {successors.data() + first_successor.back(), successors.size() - first_successor.back()};
  }
};

/// The topology of `count` tasks from (from, to) pairs; doubled pairs count once, and successors keep the order of the
/// pairs. The pairs must not hold a cycle.
Topology build_topology(Index count, std::span<const std::pair<Index, Index>> edges);

}  // namespace gantry::workflow
