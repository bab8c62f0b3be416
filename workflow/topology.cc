#include "workflow/topology.h"

#include <algorithm>
#include <utility>

namespace gantry::workflow {
namespace {

/// The pairs as compressed rows, by a counting sort that keeps their order within a row.
void fill_rows(Topology& topology, Index count, std::span<const std::pair<Index, Index>> edges) {
  std::vector<Index>& first = topology.first_successor;
  first.assign(count + 1, 0);
  for (const auto& [from, to] : edges) ++first[from];
  Index sum = 0;
  for (Index& begin : first) begin = std::exchange(sum, sum + begin);
  topology.successors.resize(edges.size());
  // Each row's begin moves to its end while it is filled, which is the begin of the next row.
  for (const auto& [from, to] : edges) topology.successors[first[from]++] = to;
  std::copy_backward(first.begin(), first.end() - 1, first.end());
  first.front() = 0;
}

/// Leaves out what a row holds twice, and counts what is left.
void count_dependencies(Topology& topology, Index count) {
  topology.dependency_count.assign(count, 0);
  std::vector<Index> seen_in(count, kNone);  // the last row in which a task was seen
  Index kept = 0;
  for (Index from = 0; from < count; ++from) {
    const Index begin = topology.first_successor[from];
    const Index end = topology.first_successor[from + 1];
    topology.first_successor[from] = kept;
    for (Index edge = begin; edge < end; ++edge) {
      const Index to = topology.successors[edge];
      if (seen_in[to] == from) continue;
      seen_in[to] = from;
      topology.successors[kept++] = to;
      ++topology.dependency_count[to];
    }
    if (kept == topology.first_successor[from]) ++topology.ends;
  }
  topology.first_successor[count] = kept;
  topology.successors.resize(kept);
}

/// Heights in reverse topological order: a task's is known when those of all its successors are.
void fill_heights(Topology& topology, Index count) {
  std::vector<Index> order;  // topological
  order.reserve(count);
  std::vector<Index> waiting = topology.dependency_count;
  for (Index task = 0; task < count; ++task) {
    if (waiting[task] == 0) order.push_back(task);
  }
  const std::size_t roots = order.size();
  for (std::size_t next = 0; next < order.size(); ++next) {
    for (const Index successor : topology.successors_of(order[next])) {
      if (--waiting[successor] == 0) order.push_back(successor);
    }
  }
  topology.height.assign(count, 1);
  for (auto task = order.rbegin(); task != order.rend(); ++task) {
    for (const Index successor : topology.successors_of(*task)) {
      topology.height[*task] = std::max(topology.height[*task], topology.height[successor] + 1);
    }
  }
  for (std::size_t root = 0; root < roots; ++root) {
    topology.greatest_height = std::max(topology.greatest_height, topology.height[order[root]]);
  }
  topology.successors.insert(topology.successors.end(), order.begin(), order.begin() + static_cast<std::ptrdiff_t>(roots));
}

}  // namespace

Topology build_topology(Index count, std::span<const std::pair<Index, Index>> edges) {
  Topology topology;
  fill_rows(topology, count, edges);
  count_dependencies(topology, count);
  fill_heights(topology, count);
  topology.successors.shrink_to_fit();
  return topology;
}

}  // namespace gantry::workflow
