#include "workflow/item.h"

#include <algorithm>

#include "workflow/go_json.h"

namespace gantry::workflow {
namespace {

/// Compact JSON as it stands in a text: numbers as they are written, keys in their order.
void append_as_written(std::string& out, const Node& node) {
  if (node.is_map()) {
    out += '{';
    for (const Node::Entry& entry : node.entries) {
      if (&entry != &node.entries.front()) out += ',';
      append_json_string(out, entry.key);
      out += ':';
      append_as_written(out, *entry.value);
    }
    out += '}';
  } else if (node.is_sequence()) {
    out += '[';
    for (std::size_t i = 0; i < node.items.size(); ++i) {
      if (i > 0) out += ',';
      append_as_written(out, *node.items[i]);
    }
    out += ']';
  } else if (node.type != ScalarType::String && !node.written.empty()) {
    out += node.written;
  } else {
    out += to_json(node);
  }
}

/// JSON as encoding/json writes what was YAML: the keys of maps sorted.
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

using Writer = void (*)(std::string&, const Node&);

std::string json_of(const Node& node, Writer write) {
  std::string out;
  write(out, node);
  return out;
}

/// A map of values that were kept as they are: only its own keys are sorted.
std::string map_json(const Node& map, Writer write) {
  std::vector<const Node::Entry*> entries;
  for (const Node::Entry& entry : map.entries) entries.push_back(&entry);
  std::sort(entries.begin(), entries.end(), [](const auto* a, const auto* b) { return a->key < b->key; });
  std::string out = "{";
  for (const Node::Entry* entry : entries) {
    if (entry != entries.front()) out += ',';
    append_json_string(out, entry->key);
    out += ':';
    write(out, *entry->value);
  }
  return out + "}";
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

static Item make_item(const Node& node, Writer write) {
  Item item;
  item.json = node.is_map() ? map_json(node, write) : json_of(node, write);
  item.text = is_string(node) ? std::string(node.text) : node.is_scalar() ? item.json : go_escaped(item.json);
  if (node.is_sequence()) {
    // Go prints a list of items with spaces between them.
    for (const Node* one : node.items) item.suffix += (item.suffix.empty() ? "" : " ") + unquoted(json_of(*one, write));
    item.suffix = "[" + without_brackets(std::move(item.suffix)) + "]";
    return item;
  }
  if (!node.is_map()) {
    item.suffix = without_brackets(unquoted(item.json));
    return item;
  }
  std::vector<std::string> parts;
  for (const Node::Entry& entry : node.entries) {
    std::string json = json_of(*entry.value, write);
    item.fields.emplace_back(entry.key, is_string(*entry.value) ? std::string(entry.value->text) : json);
    parts.push_back(std::string(entry.key) + ":" + unquoted(std::move(json)));
  }
  std::sort(parts.begin(), parts.end());
  for (const std::string& part : parts) item.suffix += (item.suffix.empty() ? "" : ",") + part;
  item.suffix = without_brackets(std::move(item.suffix));
  return item;
}

Item make_item(const Node& node) { return make_item(node, append_sorted); }

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
  // The words are encoding/json's.
  if (std::string error = go_json_error(json); !error.empty()) return fail(Code::InvalidArgument, std::move(error));
  const char first = json[json.find_first_not_of(" \t\r\n")];
  if (first == 'n') return std::vector<Item>();
  if (first != '[') {
    const std::string kind = first == '{' ? "object" : first == '"' ? "string" : first == 't' || first == 'f' ? "bool" : "number";
    return fail(Code::InvalidArgument, "json: cannot unmarshal " + kind + " into Go value of type []v1alpha1.Item");
  }
  Document document = Document::parse_json(json, limits, diagnostics);
  if (diagnostics.has_errors() || document.roots().empty()) {
    return fail(Code::InvalidArgument,
                diagnostics.items().empty() ? "it is empty" : diagnostics.items().front().message);
  }
  const Node& root = *document.roots().front();
  std::vector<Item> items;
  items.reserve(root.items.size());
  for (const Node* item : root.items) items.push_back(make_item(*item, append_as_written));
  return items;
}

std::string expansion_name(std::string_view name, std::size_t index, const Item& item) {
  return std::string(name) + "(" + std::to_string(index) + ":" + item.suffix + ")";
}

}  // namespace gantry::workflow
