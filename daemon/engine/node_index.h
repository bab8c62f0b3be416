#pragma once

// Finds nodes by a text of theirs that does not change: 8 bytes a node and some room, nothing on the heap for each.

#include <string_view>

#include <absl/container/flat_hash_set.h>

#include "daemon/engine/node.h"

namespace gantry::engine {

template <auto Text>
class NodeIndex {
 public:
  /// The node must stay in its place.
  void add(Node& node) { nodes_.insert(&node); }
  [[nodiscard]] Node* find(std::string_view text) const {
    const auto found = nodes_.find(text);
    return found == nodes_.end() ? nullptr : *found;
  }
  [[nodiscard]] bool contains(std::string_view text) const { return nodes_.contains(text); }

 private:
  static std::string_view text_of(const Node* node) { return node->*Text; }
  static std::string_view text_of(std::string_view text) { return text; }
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(const auto& one) const { return absl::Hash<std::string_view>()(text_of(one)); }
  };
  struct Same {
    using is_transparent = void;
    bool operator()(const auto& a, const auto& b) const { return text_of(a) == text_of(b); }
  };
  absl::flat_hash_set<Node*, Hash, Same> nodes_;
};

}  // namespace gantry::engine
