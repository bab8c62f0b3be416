#include "daemon/progress.h"

#include <absl/container/flat_hash_map.h>

#include <algorithm>
#include <bitset>
#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace gantry {
namespace {

using Index = std::uint32_t;
using Children = std::vector<std::vector<Index>>;

Children children_of(const std::vector<const engine::Node*>& nodes) {
  absl::flat_hash_map<std::string_view, Index> index;
  index.reserve(nodes.size());
  for (Index i = 0; i < nodes.size(); ++i) index.emplace(nodes[i]->id, i);
  Children children(nodes.size());
  for (Index i = 0; i < nodes.size(); ++i) {
    for (const std::string& id : nodes[i]->children) {
      if (auto child = index.find(id); child != index.end()) children[i].push_back(child->second);
    }
  }
  return children;
}

/// A node with the leaves below it, as the functions here see a run.
struct Graph {
  Children children;
  std::vector<bool> leaf;     ///< it counts by itself
  std::vector<Index> leaves;  ///< in order
};

/// From every node that is asked about, all that it reaches is walked. Most runs are nearly trees, so that this is little.
/// False when it took more than `most` steps: then the counts are of no use.
bool walk_from_each(const Graph& graph, std::size_t first, std::size_t last, std::size_t most, RunProgress& progress) {
  std::vector<Index> seen_from(graph.children.size(), ~Index{0});
  std::vector<Index> open;
  std::size_t steps = 0;
  for (std::size_t i = first; i < last; ++i) {
    if (graph.leaf[i]) continue;
    const auto from = static_cast<Index>(i);
    Progress sum;
    open.assign(1, from);
    seen_from[from] = from;
    while (!open.empty()) {
      const Index node = open.back();
      open.pop_back();
      steps += graph.children[node].size();
      if (steps > most) return false;
      for (const Index child : graph.children[node]) {
        if (std::exchange(seen_from[child], from) == from) continue;
        open.push_back(child);
        if (!graph.leaf[child]) continue;
        sum.done += progress.nodes[child].done;
        sum.total += progress.nodes[child].total;
      }
    }
    progress.nodes[from] = sum;
  }
  return true;
}

/// Every node after all of its children.
std::vector<Index> bottom_up(const Children& children) {
  std::vector<Index> order;
  std::vector<bool> seen(children.size());
  struct Visit {
    Index node;
    std::size_t next;
  };
  std::vector<Visit> stack;
  for (Index root = 0; root < children.size(); ++root) {
    if (seen[root]) continue;
    seen[root] = true;
    stack.push_back({root, 0});
    while (!stack.empty()) {
      auto& [node, next] = stack.back();
      if (next == children[node].size()) {
        order.push_back(node);
        stack.pop_back();
      } else if (Index child = children[node][next++]; !seen[child]) {
        seen[child] = true;
        stack.push_back({child, 0});
      }
    }
  }
  return order;
}

// The sets of reachable pods are computed for this many pods at a time, so that a run of any size
// costs nodes × 512 bytes and not nodes squared.
constexpr std::size_t kBlock = 4096;

/// The same for all nodes, whose reach is merged from their children's: what a node costs does not depend on its depth.
void merge_bottom_up(const Graph& graph, RunProgress& progress) {
  const std::vector<Index> order = bottom_up(graph.children);
  const std::vector<Index>& pods = graph.leaves;
  for (std::size_t i = 0; i < graph.leaf.size(); ++i) {
    if (!graph.leaf[i]) progress.nodes[i] = {};
  }
  std::vector<std::bitset<kBlock>> reach(graph.children.size());
  for (std::size_t first = 0; first < pods.size(); first += kBlock) {
    std::size_t count = std::min(kBlock, pods.size() - first);
    std::bitset<kBlock> succeeded;
    std::vector<std::size_t> odd;  // bits of those that count for more than one
    std::unordered_map<Index, std::size_t> bit;
    for (std::size_t b = 0; b < count; ++b) {
      bit.emplace(pods[first + b], b);
      const Progress& own = progress.nodes[pods[first + b]];
      succeeded[b] = own.done == 1 && own.total == 1;
      if (own.total > 1) odd.push_back(b);
    }
    for (Index node : order) {
      reach[node].reset();
      for (Index child : graph.children[node]) {
        reach[node] |= reach[child];
        if (auto own = bit.find(child); own != bit.end()) reach[node].set(own->second);
      }
      if (graph.leaf[node]) continue;
      progress.nodes[node].total += reach[node].count();
      progress.nodes[node].done += (reach[node] & succeeded).count();
      for (const std::size_t b : odd) {
        if (!reach[node][b]) continue;
        progress.nodes[node].total += progress.nodes[pods[first + b]].total - 1;
        progress.nodes[node].done += progress.nodes[pods[first + b]].done;
      }
    }
  }
}

/// Steps of walk_from_each per node of the run, before merge_bottom_up is the cheaper way.
constexpr std::size_t kMostSteps = 64;

}  // namespace

std::string Progress::text() const { return std::to_string(done) + "/" + std::to_string(total); }

RunProgress count_progress(const std::vector<const engine::Node*>& nodes, std::size_t first, std::size_t count) {
  Graph graph;
  graph.leaf.resize(nodes.size());
  RunProgress progress;
  progress.nodes.resize(nodes.size());
  for (Index i = 0; i < nodes.size(); ++i) {
    // What counts by itself (argo-workflows workflow/progress): of a containerSet the pod and each container.
    using engine::NodeType;
    const engine::Node& node = *nodes[i];
    graph.leaf[i] = node.type == NodeType::Pod || node.type == NodeType::Container || node.type == NodeType::Suspend ||
                    node.type == NodeType::Http;
    if (!graph.leaf[i]) continue;
    graph.leaves.push_back(i);
    // One of one, or what the program said; that it has succeeded makes it whole.
    const std::size_t total = std::max(node.progress_total, 1u);
    progress.nodes[i] = {node.phase == engine::Phase::Succeeded ? total : node.progress_done, total};
    progress.run.done += progress.nodes[i].done;
    progress.run.total += total;
  }
  const std::size_t last = first + std::min(count, nodes.size() - std::min(first, nodes.size()));
  bool any = false;
  for (std::size_t i = first; i < last; ++i) any |= !graph.leaf[i];
  if (!any) return progress;
  graph.children = children_of(nodes);
  if (!walk_from_each(graph, first, last, kMostSteps * nodes.size(), progress)) merge_bottom_up(graph, progress);
  return progress;
}

}  // namespace gantry
