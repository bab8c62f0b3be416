#include "daemon/node_selector.h"

#include <algorithm>

namespace gantry {
namespace {

std::string field_of(const engine::Node& node, std::string_view field) {
  constexpr std::string_view kInput = "inputs.parameters.", kValue = ".value";
  if (field == "displayName") return node.display_name;
  if (field == "templateName") return node.template_name;
  if (field == "phase") return std::string(workflow::phase_name(node.phase));
  if (field == "name") return node.name;
  if (field == "id") return node.id;
  if (!field.starts_with(kInput) || !field.ends_with(kValue) ||
      field.size() < kInput.size() + kValue.size()) {
    return {};
  }
  field = field.substr(kInput.size(), field.size() - kInput.size() - kValue.size());
  auto input = std::find_if(node.inputs.parameters.begin(), node.inputs.parameters.end(),
                            [&](const engine::Parameter& p) { return p.name == field; });
  return input == node.inputs.parameters.end() ? std::string() : input->value;
}

}  // namespace

Result<NodeSelector> NodeSelector::parse(std::string_view text) {
  NodeSelector selector;
  const std::string whole(text);
  auto wrong = [&](const std::string& why) {
    return fail(Code::InvalidArgument,
                "unable to parse node field selector '" + whole + "': " + why);
  };
  while (!text.empty()) {
    // An operator is the first `=` that is not escaped; the value goes to the next such comma.
    std::string written[2];
    int side = 0;
    bool equal = true;
    std::size_t i = 0;
    for (; i < text.size() && text[i] != ','; ++i) {
      if (text[i] == '\\') {
        if (++i == text.size() ||
            std::string_view("\\,=").find(text[i]) == std::string_view::npos) {
          return wrong("invalid escape sequence");
        }
        written[side] += text[i];
      } else if (text[i] == '=' && side == 0) {
        side = 1;
        if (written[0].ends_with('!')) {
          equal = false;
          written[0].pop_back();
        } else if (i + 1 < text.size() && text[i + 1] == '=') {
          ++i;
        }
      } else {
        written[side] += text[i];
      }
    }
    const std::string_view term = text.substr(0, i);
    text.remove_prefix(std::min(i + 1, text.size()));
    if (term.empty()) continue;
    if (side == 0) {
      return wrong("invalid selector: '" + whole + "'; can't understand '" + std::string(term) +
                   "'");
    }
    selector.terms_.push_back({std::move(written[0]), std::move(written[1]), equal});
  }
  return selector;
}

bool NodeSelector::matches(const engine::Node& node) const {
  return std::all_of(terms_.begin(), terms_.end(), [&](const Term& term) {
    return (field_of(node, term.field) == term.value) == term.equal;
  });
}

}  // namespace gantry
