#pragma once

// `nodeFieldSelector`: which nodes a command is about. Pure.

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "daemon/engine/node.h"

namespace gantry {

/// `displayName=approve,phase!=Failed` (apimachinery pkg/fields; `\\`, `\,` and `\=` are escapes).
/// Fields are those of argo-workflows workflow/util SelectorMatchesNode: displayName, templateName,
/// phase, name, id, inputs.parameters.NAME.value; any other one is "".
class NodeSelector {
 public:
  static Result<NodeSelector> parse(std::string_view text);

  [[nodiscard]] bool empty() const { return terms_.empty(); }
  /// Every term holds; an empty selector matches every node.
  [[nodiscard]] bool matches(const engine::Node& node) const;

 private:
  struct Term {
    std::string field, value;
    bool equal = true;
  };
  std::vector<Term> terms_;
};

}  // namespace gantry
