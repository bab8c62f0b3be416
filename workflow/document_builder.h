#pragma once

// Internal to document*.cc: what both parsers build with, and the limits that both keep.

#include <string>
#include <string_view>
#include <vector>

#include "workflow/document.h"

namespace gantry::workflow {

/// Ends the reading of a document from inside a parser's callback. Caught in document*.cc, never
/// seen outside.
struct Refused {
  Mark at;
  std::string message;
};

/// Makes the nodes of one document and throws Refused where a limit is passed. One thread.
class DocumentBuilder {
 public:
  DocumentBuilder(Document& document, const Limits& limits)
      : document_(document), limits_(limits) {}

  const Node* scalar(Mark at, ScalarType type, std::string_view text);
  const Node* plain(Mark at, std::string_view text);
  const Node* sequence(Mark at, const std::vector<const Node*>& items);
  /// Refuses a key that stands twice.
  const Node* map(Mark at, const std::vector<Node::Entry>& entries);
  /// Counts what an alias stands for.
  void alias(Mark at, const Node& target);
  /// `depth` levels are open, the level at `at` among them.
  void check_depth(Mark at, std::size_t depth) const;
  [[nodiscard]] Document& document() { return document_; }

 private:
  Node* new_scalar(Mark at, ScalarType type, std::string_view text);
  Node* count(Mark at, Node* node);

  Document& document_;
  const Limits& limits_;
  std::size_t alias_nodes_ = 0;
};

/// The checks that need no parser: size, UTF-8, control characters. False: an error was reported.
bool check_bytes(std::string_view bytes, const Limits& limits, bool json, Diagnostics& diagnostics);

/// Line and column of an offset. Asked with growing offsets it is linear over all calls.
class LineCounter {
 public:
  explicit LineCounter(std::string_view bytes) : bytes_(bytes) {}
  Mark mark(std::size_t offset);

 private:
  std::string_view bytes_;
  std::size_t offset_ = 0;
  Mark at_{1, 1};
};

}  // namespace gantry::workflow
