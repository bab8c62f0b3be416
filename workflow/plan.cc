#include "workflow/plan.h"

#include <algorithm>

namespace gantry::workflow {
namespace {

/// Heights in reverse topological order: a task is done when all its successors are.
void fill_heights(Graph& graph) {
  const std::size_t count = graph.tasks.size();
  std::vector<Index> order;  // topological
  order.reserve(count);
  std::vector<Index> waiting = graph.dependency_count;
  for (Index task = 0; task < count; ++task) {
    if (waiting[task] == 0) order.push_back(task);
  }
  for (std::size_t next = 0; next < order.size(); ++next) {
    for (const Index successor : graph.successors_of(order[next])) {
      if (--waiting[successor] == 0) order.push_back(successor);
    }
  }
  graph.height.assign(count, 1);
  for (auto task = order.rbegin(); task != order.rend(); ++task) {
    for (const Index successor : graph.successors_of(*task)) {
      graph.height[*task] = std::max(graph.height[*task], graph.height[successor] + 1);
    }
  }
}

}  // namespace

void build_edges(Graph& graph, std::span<const std::pair<Index, Index>> edges) {
  const std::size_t count = graph.tasks.size();

  // Counting sort by `from`, which keeps the order of the pairs within a row.
  std::vector<Index> row(count + 1, 0);
  for (const auto& [from, to] : edges) ++row[from + 1];
  for (std::size_t i = 0; i < count; ++i) row[i + 1] += row[i];
  std::vector<Index> targets(edges.size());
  std::vector<Index> fill(row.begin(), row.end() - 1);
  for (const auto& [from, to] : edges) targets[fill[from]++] = to;

  graph.dependency_count.assign(count, 0);
  graph.first_successor.assign(count + 1, 0);
  graph.successors.clear();
  graph.successors.reserve(edges.size());
  std::vector<Index> last_from(
      count, kNone);  // the last row in which a task was seen: doubled pairs count once
  for (Index from = 0; from < count; ++from) {
    for (Index i = row[from]; i < row[from + 1]; ++i) {
      const Index to = targets[i];
      if (last_from[to] == from) continue;
      last_from[to] = from;
      graph.successors.push_back(to);
      ++graph.dependency_count[to];
    }
    graph.first_successor[from + 1] = static_cast<Index>(graph.successors.size());
  }
  fill_heights(graph);
}

}  // namespace gantry::workflow
