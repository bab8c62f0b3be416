#pragma once

// One item of a loop: what `{{item}}` and `{{item.key}}` stand for (argo-workflows
// pkg/apis/workflow/v1alpha1/item.go, workflow/controller/operator.go processItem).

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "workflow/document.h"

namespace gantry::workflow {

struct Item {
  std::string text;    ///< `{{item}}`: a string as it is, anything else as JSON
  std::string suffix;  ///< in names: `x(0:SUFFIX)`
  /// Of a map: the values of `{{item.key}}`, strings as they are, anything else as JSON.
  std::vector<std::pair<std::string, std::string>> fields;
  std::string json;

  [[nodiscard]] const std::string* field(std::string_view key) const;
};

/// The item that a node of a YAML document stands for.
Item make_item(const Node& node);
/// A text made by the program (withSequence).
Item text_item(std::string text);

/// The items of a JSON list: numbers and inner maps stay as they are written. The error is what is wrong with the text, for a message to end with.
Result<std::vector<Item>> parse_items(std::string_view json);

/// The name of an expansion: `NAME(0:one)`.
std::string expansion_name(std::string_view name, std::size_t index, const Item& item);

}  // namespace gantry::workflow
