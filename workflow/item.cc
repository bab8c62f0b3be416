#include "workflow/item.h"

#include <algorithm>

namespace gantry::workflow {
namespace {

/// JSON as encoding/json writes it: the keys of maps sorted.
void append_sorted(std::string& out, const Node& node) {
  if (node.is_map()) {
    std::vector<const Node::Entry*> entries;
    for (const Node::Entry& entry : node.entries) entries.push_back(&entry);
    std::sort(entries.begin(), entries.end(), [](const auto* a, const auto* b) { return a->key < b->key; });
    out += '{';
    for (const Node::Entry* entry : entries) {
      if (entry != entries.front()) out += ',';
      append_json_string(out, entry->key);
      out += ':';
      append_sorted(out, *entry->value);
    }
    out += '}';
  } else if (node.is_sequence()) {
    out += '[';
    for (std::size_t i = 0; i < node.items.size(); ++i) {
      if (i > 0) out += ',';
      append_sorted(out, *node.items[i]);
    }
    out += ']';
  } else {
    out += to_json(node);
  }
}

std::string sorted_json(const Node& node) {
  std::string out;
  append_sorted(out, node);
  return out;
}

bool is_string(const Node& node) { return node.is_scalar() && node.type == ScalarType::String; }

/// A string as JSON without its quotes, anything else as JSON.
std::string unquoted(std::string json) {
  if (json.size() >= 2 && json.front() == '"') return json.substr(1, json.size() - 2);
  return json;
}

std::string without_brackets(std::string text) {
  std::erase_if(text, [](char c) { return c == '(' || c == ')'; });
  return text;
}

}  // namespace

const std::string* Item::field(std::string_view key) const {
  for (const auto& [name, value] : fields) {
    if (name == key) return &value;
  }
  return nullptr;
}

Item make_item(const Node& node) {
  Item item;
  item.json = sorted_json(node);
  item.text = is_string(node) ? std::string(node.text) : item.json;
  if (!node.is_map()) {
    item.suffix = without_brackets(unquoted(item.json));
    return item;
  }
  std::vector<std::string> parts;
  for (const Node::Entry& entry : node.entries) {
    std::string json = sorted_json(*entry.value);
    item.fields.emplace_back(entry.key, is_string(*entry.value) ? std::string(entry.value->text) : json);
    parts.push_back(std::string(entry.key) + ":" + unquoted(std::move(json)));
  }
  std::sort(parts.begin(), parts.end());
  for (const std::string& part : parts) item.suffix += (item.suffix.empty() ? "" : ",") + part;
  item.suffix = without_brackets(std::move(item.suffix));
  return item;
}

Item text_item(std::string text) {
  Item item;
  append_json_string(item.json, text);
  item.suffix = without_brackets(unquoted(item.json));
  item.text = std::move(text);
  return item;
}

Result<std::vector<Item>> parse_items(std::string_view json) {
  Limits limits;
  Diagnostics diagnostics;
  Document document = Document::parse_json(json, limits, diagnostics);
  if (diagnostics.has_errors() || document.roots().empty()) {
    return fail(Code::InvalidArgument,
                diagnostics.items().empty() ? "it is empty" : diagnostics.items().front().message);
  }
  const Node& root = *document.roots().front();
  if (!root.is_sequence()) {
    return fail(Code::InvalidArgument, "expected a list, found " + std::string(kind_name(root)));
  }
  std::vector<Item> items;
  items.reserve(root.items.size());
  for (const Node* item : root.items) items.push_back(make_item(*item));
  return items;
}

std::string expansion_name(std::string_view name, std::size_t index, const Item& item) {
  return std::string(name) + "(" + std::to_string(index) + ":" + item.suffix + ")";
}

}  // namespace gantry::workflow
