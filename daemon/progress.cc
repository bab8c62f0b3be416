#include "daemon/progress.h"

#include <algorithm>
#include <bitset>
#include <cstdint>
#include <string_view>
#include <unordered_map>

namespace gantry {
namespace {

using Index = std::uint32_t;
using Children = std::vector<std::vector<Index>>;

Children children_of(const std::vector<const engine::Node*>& nodes) {
  std::unordered_map<std::string_view, Index> index;
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

}  // namespace

std::string Progress::text() const { return std::to_string(done) + "/" + std::to_string(total); }

RunProgress count_progress(const std::vector<const engine::Node*>& nodes) {
  // What counts by itself (argo-workflows workflow/progress): of a containerSet the pod and each container.
  auto is_leaf = [&](Index i) {
    using engine::NodeType;
    const NodeType type = nodes[i]->type;
    return type == NodeType::Pod || type == NodeType::Container || type == NodeType::Suspend ||
           type == NodeType::Http;
  };
  RunProgress progress;
  progress.nodes.resize(nodes.size());
  std::vector<Index> pods;
  for (Index i = 0; i < nodes.size(); ++i) {
    if (!is_leaf(i)) continue;
    pods.push_back(i);
    // One of one, or what the program said; that it has succeeded makes it whole.
    const engine::Node& node = *nodes[i];
    const std::size_t total = std::max(node.progress_total, 1u);
    progress.nodes[i] = {node.phase == engine::Phase::Succeeded ? total : node.progress_done, total};
    progress.run.done += progress.nodes[i].done;
    progress.run.total += total;
  }
  if (pods.size() == nodes.size()) return progress;

  Children children = children_of(nodes);
  std::vector<Index> order = bottom_up(children);
  std::vector<std::bitset<kBlock>> reach(nodes.size());
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
      for (Index child : children[node]) {
        reach[node] |= reach[child];
        if (auto own = bit.find(child); own != bit.end()) reach[node].set(own->second);
      }
      if (is_leaf(node)) continue;
      progress.nodes[node].total += reach[node].count();
      progress.nodes[node].done += (reach[node] & succeeded).count();
      for (const std::size_t b : odd) {
        if (!reach[node][b]) continue;
        progress.nodes[node].total += progress.nodes[pods[first + b]].total - 1;
        progress.nodes[node].done += progress.nodes[pods[first + b]].done;
      }
    }
  }
  return progress;
}

}  // namespace gantry
