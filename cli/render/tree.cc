#include "cli/render/tree.h"

#include <algorithm>
#include <charconv>
#include <tuple>
#include <unordered_map>
#include <unordered_set>

#include "base/ids.h"

namespace gantry::cli {
namespace {

struct Branches {
  const char *only, *first, *middle, *last, *bar;
};
constexpr Branches kUtf8{"──", "┬─", "├─", "└─", "│ "};
constexpr Branches kAscii{"--", "+-", "|-", "`-", "| "};

struct Item {
  const Json* node = nullptr;
  std::vector<Item*> below;
  bool child_of_parent = false;  // drawn under a StepGroup or Retry, not under its boundary

  std::string type, phase, display_name, stem;
  std::optional<Time> started;
  int index = -1;  // N of `name(N:value)`
};

bool is_boundary(std::string_view type) { return type == "DAG" || type == "Steps"; }
bool is_parent(std::string_view type) { return type == "StepGroup" || type == "Retry"; }
bool is_drawn(std::string_view type) {
  return is_boundary(type) || is_parent(type) || type == "Pod" || type == "Skipped" ||
         type == "Suspend" || type == "HTTP" || type == "Plugin";
}

/// By start, then by name, the items of a loop by their index.
bool before(const Item* a, const Item* b) {
  // Not started sorts first, as Go's zero time does.
  return std::tie(a->started, a->stem, a->index, a->display_name) <
         std::tie(b->started, b->stem, b->index, b->display_name);
}

class TreeBuilder {
 public:
  TreeBuilder(const Json& nodes, const TreeOptions& options)
      : options_(options), branches_(options.utf8 ? kUtf8 : kAscii) {
    items_.reserve(nodes.size());
    for (const auto& [id, node] : nodes.items()) {
      Item item;
      item.node = &node;
      item.type = text_at(node, {"type"});
      if (!is_drawn(item.type)) continue;
      item.phase = text_at(node, {"phase"});
      item.display_name = text_at(node, {"displayName"});
      item.started = time_at(node, {"startedAt"});
      item.stem = item.display_name;
      std::size_t open = item.display_name.find('('), colon = item.display_name.find(':');
      if (open != std::string::npos && colon != std::string::npos && open < colon) {
        const char* end = item.display_name.data() + colon;
        auto [rest, error] = std::from_chars(item.display_name.data() + open + 1, end, item.index);
        if (error == std::errc() && rest == end) {
          item.stem.resize(open);
        } else {
          item.index = -1;
        }
      }
      items_.emplace(id, std::move(item));
    }
    attach();
  }

  void draw(const std::string& root, std::vector<TreeRow>& rows) {
    auto found = items_.find(root);
    if (found != items_.end()) draw(found->second, " ", " ", rows);
  }

 private:
  void attach() {
    for (auto& [id, item] : items_) {
      if (!is_parent(item.type)) continue;
      for (const Json& child : at(*item.node, {"children"})) {
        auto found = child.is_string() ? items_.find(child.get<std::string>()) : items_.end();
        if (found == items_.end() || found->second.child_of_parent || &found->second == &item)
          continue;
        found->second.child_of_parent = true;
        item.below.push_back(&found->second);
      }
    }
    for (auto& [id, item] : items_) {
      if (item.child_of_parent) continue;
      auto boundary = items_.find(text_at(*item.node, {"boundaryID"}));
      if (boundary == items_.end() || &boundary->second == &item) continue;
      if (is_boundary(boundary->second.type)) boundary->second.below.push_back(&item);
    }
    for (auto& [id, item] : items_) std::sort(item.below.begin(), item.below.end(), before);
  }

  void draw(const Item& item, const std::string& node_prefix, const std::string& child_prefix,
            std::vector<TreeRow>& rows) {
    if (!visited_.insert(&item).second) return;  // a malformed map must not loop
    bool group = item.type == "StepGroup";
    bool hidden = group || (item.type == "Retry" && at(*item.node, {"children"}).size() == 1) ||
                  (item.type == "Skipped" && item.phase == "Omitted") ||
                  (!options_.status.empty() && item.phase != options_.status);
    if (!hidden) rows.push_back({node_prefix, item.node});
    for (std::size_t i = 0; i < item.below.size(); ++i) {
      bool first = i == 0, last = i + 1 == item.below.size();
      std::string branch, bar;
      if (hidden && group) {
        branch = first && last ? branches_.only
                 : first       ? branches_.first
                 : last        ? branches_.last
                               : branches_.middle;
        bar = last ? "  " : branches_.bar;
      } else if (!hidden) {
        branch = last ? branches_.last : branches_.middle;
        bar = last ? "  " : branches_.bar;
      }
      const std::string& from = hidden && first ? node_prefix : child_prefix;
      draw(*item.below[i], from + branch, child_prefix + bar, rows);
    }
  }

  const TreeOptions& options_;
  const Branches& branches_;
  std::unordered_map<std::string, Item> items_;
  std::unordered_set<const Item*> visited_;
};

}  // namespace

Tree node_tree(const Json& workflow, const TreeOptions& options) {
  Tree tree;
  const Json& nodes = at(workflow, {"status", "nodes"});
  std::string name = text_at(workflow, {"metadata", "name"});
  if (!nodes.is_object() || !nodes.contains(name)) return tree;
  TreeBuilder builder(nodes, options);
  builder.draw(name, tree.main);
  builder.draw(name + "-" + std::to_string(fnv32a(name + ".onExit")), tree.on_exit);
  return tree;
}

}  // namespace gantry::cli
