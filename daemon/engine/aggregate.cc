#include "daemon/engine/aggregate.h"

#include <algorithm>
#include <map>
#include <vector>

#include "daemon/engine/carry_over.h"
#include "daemon/engine/json_text.h"
#include "workflow/document.h"
#include "workflow/go_json.h"
#include "workflow/item.h"

namespace gantry::engine {

/// What a text is as JSON, or nothing when it is none.
enum class As {
  Written,     ///< compact, numbers and keys as they are written (json.RawMessage)
  Structured,  ///< decoded and written again, keys sorted; nothing when it is no list or map
};
static std::optional<std::string> as_json(const std::string& text, As as) {
  workflow::Diagnostics diagnostics;
  // A document is a list or a map, but a result may be any value.
  const auto document = workflow::Document::parse_json("[" + text + "]", workflow::Limits{}, diagnostics);
  if (diagnostics.has_errors() || document.roots().empty()) return std::nullopt;
  const auto& items = document.roots().front()->items;
  if (items.size() != 1) return std::nullopt;
  if (as == As::Written) return workflow::go_compact(text);
  if (items.front()->is_scalar()) return std::nullopt;
  return workflow::make_item(*items.front()).json;
}

static std::string joined(const std::vector<std::string>& items) {
  std::string json = "[";
  for (const std::string& item : items) json += (json.size() > 1 ? "," : "") + item;
  return json + "]";
}

static bool succeeded(const Member& member) {
  return member.node != nullptr && (member.node->phase == Phase::Succeeded || is_carried_over(*member.node));
}

static std::optional<std::string> results(const TaskRecord& record) {
  std::vector<std::string> items;
  for (const Member& member : record.members) {
    if (!succeeded(member) || !member.node->outputs->result) continue;
    auto item = as_json(*member.node->outputs->result, As::Written);
    if (!item) return std::nullopt;
    items.push_back(std::move(*item));
  }
  return joined(items);
}

std::optional<std::string> broken_result(const TaskRecord& record) {
  for (const Member& member : record.members) {
    if (!succeeded(member) || !member.node->outputs->result) continue;
    const std::string& result = *member.node->outputs->result;
    if (!as_json(result, As::Written)) return workflow::go_json_error(result);
  }
  return std::nullopt;
}

static std::string all_parameters(const TaskRecord& record) {
  std::vector<std::string> items;
  for (const Member& member : record.members) {
    if (!succeeded(member)) continue;
    std::map<std::string, std::string> sorted;
    for (const Parameter& p : member.node->outputs->parameters) sorted[p.name] = p.value;
    if (sorted.empty()) continue;
    std::string json = "{";
    for (const auto& [name, value] : sorted) {
      json += (json.size() > 1 ? "," : "") + json_string(name) + ":" + json_string(value);
    }
    items.push_back(json + "}");
  }
  return workflow::go_escaped(joined(items));
}

/// Texts, but when all of them are lists or maps they stand as such.
static std::optional<std::string> one_parameter(const TaskRecord& record, std::string_view name) {
  std::vector<std::string> values;
  for (const Member& member : record.members) {
    if (!succeeded(member)) continue;
    for (const Parameter& p : member.node->outputs->parameters) {
      if (p.name == name) values.push_back(p.value);
    }
  }
  if (values.empty()) return std::nullopt;
  std::vector<std::string> structured, texts;
  for (const std::string& value : values) {
    texts.push_back(json_string(value));
    if (auto json = as_json(value, As::Structured)) structured.push_back(std::move(*json));
  }
  return workflow::go_escaped(joined(structured.size() == values.size() ? structured : texts));
}

std::optional<std::string> aggregated_output(const TaskRecord& record, std::string_view name) {
  constexpr std::string_view kParameter = "outputs.parameters.";
  if (name == "outputs.result") return results(record);
  if (name == "outputs.parameters") return all_parameters(record);
  if (name.starts_with(kParameter)) return one_parameter(record, name.substr(kParameter.size()));
  return std::nullopt;
}

}  // namespace gantry::engine
