#pragma once

// Bytes → a tree with line and column. The only place that knows yaml-cpp and simdjson; both feed
// the same tree.
//
// The tree is built from yaml-cpp's events under limits, so that a small file cannot become a big
// tree: a document beyond a limit is refused while it is read. Aliases share the node they name
// (the tree is a DAG without cycles) and are counted as if they were copied, because whoever walks
// the tree walks them again.

#include <cstdint>
#include <memory>
#include <memory_resource>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "workflow/diagnostic.h"
#include "workflow/limits.h"
#include "workflow/scalar.h"

namespace gantry::workflow {

/// Immutable. Owned by its Document, and so are all views and spans in it.
struct Node {
  enum class Kind : std::uint8_t { Scalar, Sequence, Map };
  struct Entry {
    std::string_view key;
    Mark at;
    const Node* value;
  };

  Kind kind = Kind::Scalar;
  ScalarType type = ScalarType::Null;  ///< Scalar only
  Mark at;
  std::uint16_t height = 1;    ///< levels below and including this one
  std::uint32_t expanded = 1;  ///< nodes below and including this one, aliases counted as copies
  std::string_view
      text;  ///< Scalar: canonical text ("012" without quotes is "10", "yes" is "true")
  /// Scalar: how it stands in the file, where that is not the canonical text ("012"); else empty.
  std::string_view written;
  std::span<const Node* const> items;  ///< Sequence
  std::span<const Entry> entries;      ///< Map, in written order, merge keys resolved, no key twice

  [[nodiscard]] bool is_null() const { return kind == Kind::Scalar && type == ScalarType::Null; }
  [[nodiscard]] bool is_map() const { return kind == Kind::Map; }
  [[nodiscard]] bool is_sequence() const { return kind == Kind::Sequence; }
  [[nodiscard]] bool is_scalar() const { return kind == Kind::Scalar; }
  /// The value of a key, or null. Linear: for maps that are small or asked once.
  [[nodiscard]] const Node* find(std::string_view key) const;
};

/// "a map", "a list", "a number", … : what a message says was found.
std::string_view kind_name(const Node& node);

/// Owns the trees of one file. Movable, not copyable.
class Document {
 public:
  /// Parses YAML: documents between `---`, of which empty ones are left out. Never throws; what is
  /// wrong goes to `diagnostics`, and then the roots hold what could be read before it.
  static Document parse_yaml(std::string_view bytes, const Limits& limits,
                             Diagnostics& diagnostics);
  /// Parses one JSON value.
  static Document parse_json(std::string_view bytes, const Limits& limits,
                             Diagnostics& diagnostics);

  [[nodiscard]] const std::vector<const Node*>& roots() const { return roots_; }

  /// For whoever rewrites a tree: nodes and texts that live as long as the document.
  Node* make_node();
  std::string_view intern(std::string_view text);
  std::span<const Node* const> intern(const std::vector<const Node*>& items);
  std::span<const Node::Entry> intern(const std::vector<Node::Entry>& entries);
  const Node* make_text(std::string_view text, Mark at);

 private:
  std::unique_ptr<std::pmr::monotonic_buffer_resource> arena_ =
      std::make_unique<std::pmr::monotonic_buffer_resource>(64 * 1024);
  std::vector<const Node*> roots_;
};

/// Compact JSON of a tree, keys in written order. Nodes in `as_text` are written as strings
/// whatever they look like.
std::string to_json(const Node& node, const std::unordered_set<const Node*>& as_text = {});
/// Appends a JSON string with its quotes.
void append_json_string(std::string& out, std::string_view text);

}  // namespace gantry::workflow
