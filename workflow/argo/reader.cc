#include "workflow/argo/reader.h"

#include <algorithm>
#include <charconv>

#include "workflow/suggestion.h"

namespace gantry::workflow::argo {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

/// At most `length` bytes of `text`, without cutting a character.
std::string_view utf8_prefix(std::string_view text, std::size_t length) {
  if (text.size() <= length) return text;
  while (length > 0 && (text[length] & 0xc0) == 0x80) --length;
  return text.substr(0, length);
}

bool is_string(const Node& node) { return node.is_scalar() && node.type == ScalarType::String; }
bool is_number(const Node& node) {
  return node.is_scalar() && (node.type == ScalarType::Integer || node.type == ScalarType::Float);
}

/// What encoding/json calls the kind of a value.
std::string_view json_kind(const Node& node) {
  if (node.is_map()) return "object";
  if (node.is_sequence()) return "array";
  switch (node.type) {
    case ScalarType::Bool:
      return "bool";
    case ScalarType::Integer:
    case ScalarType::Float:
      return "number";
    default:
      return "string";
  }
}

/// `a string "abc"`, `a map`.
std::string found(const Node& node) {
  std::string out(kind_name(node));
  if (!node.is_scalar() || node.is_null()) return out;
  constexpr std::size_t kExcerpt = 40;
  std::string_view text = node.text.substr(0, node.text.find('\n'));
  const bool cut = text.size() > kExcerpt || text.size() < node.text.size();
  if (text.size() > kExcerpt) text = utf8_prefix(text, kExcerpt);
  return out + " \"" + std::string(text) + (cut ? "…\"" : "\"");
}

}  // namespace

bool equal_but_for_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

std::string Path::text() const {
  std::string out;
  for (const Part& part : parts_) {
    if (part.index != kNoIndex) {
      out += '[' + std::to_string(part.index) + ']';
    } else {
      if (!out.empty()) out += '.';
      out += part.name;
    }
  }
  return out;
}

bool is_zero(const Node& node) {
  if (node.is_map()) return node.entries.empty();
  if (node.is_sequence()) return node.items.empty();
  switch (node.type) {
    case ScalarType::Null:
      return true;
    case ScalarType::Bool:
      return node.text == "false";
    case ScalarType::Integer:
    case ScalarType::Float:
      return false;  // a count of 0 usually means something: ttl 0, retries 0
    case ScalarType::String:
      return node.text.empty();
  }
  return false;
}

std::size_t find_field(std::string_view key, std::size_t count, const void* fields,
                       std::string_view (*name)(const void* fields, std::size_t index)) {
  for (std::size_t i = 0; i < count; ++i) {
    if (name(fields, i) == key) return i;
  }
  for (std::size_t i = 0; i < count; ++i) {
    if (equal_but_for_case(name(fields, i), key)) return i;
  }
  return std::string_view::npos;
}

void Reader::error(Mark at, std::string message) { diagnostics_.error(at, std::move(message)); }

void Reader::wrong_type(const Node& node, std::string_view expected, std::string_view go_type) {
  last_wrong_ = &node;
  error(node.at, path_.text() + ": expected " + std::string(expected) + ", found " + found(node) +
                     " (cannot unmarshal " + std::string(json_kind(node)) +
                     " into Go struct field " + std::string(struct_name_) + "." +
                     std::string(field_name_) + " of type " + std::string(go_type) + ")");
}

bool Reader::expect_list(const Node& node, std::string_view of) {
  if (node.is_sequence()) return true;
  if (!node.is_null()) wrong_type(node, of, "[]" + std::string(field_name_));
  return false;
}

bool Reader::expect_map(const Node& node, std::string_view of) {
  if (node.is_map()) return true;
  if (!node.is_null()) wrong_type(node, of, "map");
  return false;
}

void Reader::unknown_field(const Node::Entry& entry, const std::vector<std::string_view>& known) {
  path_.pop();
  const std::string where = path_.text();
  path_.push(entry.key);
  std::string message = "unknown field \"" + std::string(entry.key) + "\"";
  if (!where.empty()) message += " in " + where;
  const std::string_view near = nearest(entry.key, known);
  if (!near.empty()) message += ", did you mean \"" + std::string(near) + "\"?";
  if (reading_.lint && !reading_.strict) {
    diagnostics_.note(entry.at, std::move(message));
  } else {
    error(entry.at, std::move(message));
  }
}

void Reader::refuse(const Node::Entry& entry, std::string_view why) {
  if (!reading_.lint) return error(entry.at, "not supported yet: " + path_.text());
  std::string message = path_.text() + " is not supported yet, so a run is refused";
  if (!why.empty()) message += ": " + std::string(why);
  diagnostics_.note(entry.at, std::move(message));
}

void Reader::ignore(const Node::Entry& entry, std::string_view why) {
  if (is_zero(*entry.value)) return;
  std::string message = path_.text() + " has no effect on a single host";
  if (reading_.lint) message += ": " + std::string(why);
  diagnostics_.note(entry.at, std::move(message));
}

void Reader::take(const Node& node, Str& out) {
  out.value = node.text;
  out.at = node.at;
  out.set = true;
  if (!is_string(node)) taken_as_text_.insert(&node);
}

void Reader::text(const Node& node, Str& out) {
  if (node.is_null()) return;
  if (!node.is_scalar() || (strict_types() && !is_string(node)))
    return wrong_type(node, "a string", "string");
  take(node, out);
}

void Reader::any_text(const Node& node, Str& out) {
  if (node.is_null()) return;
  if (!node.is_scalar()) return wrong_type(node, "a string, a number or a boolean", "AnyString");
  take(node, out);
  if (strict_types() && !node.written.empty()) {
    diagnostics_.warning(node.at, path_.text() + ": " + std::string(node.written) +
                                      " without quotes is read as \"" + std::string(node.text) +
                                      "\"");
  }
}

void Reader::int_or_text(const Node& node, Str& out) {
  if (node.is_null()) return;
  if (!is_string(node) && !(node.is_scalar() && node.type == ScalarType::Integer)) {
    return wrong_type(node, "an integer or a string", "intstr.IntOrString");
  }
  take(node, out);
}

void Reader::quantity(const Node& node, Str& out) {
  if (node.is_null()) return;
  if (!is_string(node) && !is_number(node))
    return wrong_type(node, "a quantity", "resource.Quantity");
  take(node, out);
}

void Reader::flag(const Node& node, Flag& out) {
  if (node.is_null()) return;
  if (!node.is_scalar() || node.type != ScalarType::Bool)
    return wrong_type(node, "true or false", "bool");
  out = {node.text == "true", node.at, true};
}

void Reader::integer(const Node& node, Int& out) {
  if (node.is_null()) return;
  std::int64_t value = 0;
  bool good =
      node.is_scalar() && (node.type == ScalarType::Integer || node.type == ScalarType::Float);
  if (good) {
    const auto [end, failure] =
        std::from_chars(node.text.data(), node.text.data() + node.text.size(), value);
    good = failure == std::errc() && end == node.text.data() + node.text.size();
  }
  if (!good) return wrong_type(node, "an integer", "int64");
  out = {value, node.at, true};
}

void read(Reader& reader, const Node& node, StepGroup& out) {
  // Both `- - name: a` and the object form `- steps: [{name: a}]` are Argo's (ParallelSteps).
  const Node* steps = &node;
  const bool wrapped =
      node.is_map() && node.entries.size() == 1 && equal_but_for_case(node.entries[0].key, "steps");
  if (wrapped) steps = node.entries[0].value;
  out.at = node.at;
  out.set = true;
  if (!steps->is_null() && !steps->is_sequence()) {
    out.flawed = true;
    reader.error(node.at, reader.path().text() +
                              ": expected a list of steps (\"- - name: …\"), found " +
                              std::string(kind_name(*steps)));
    return;
  }
  List<Step> list;
  if (!steps->is_null()) read(reader, *steps, list);
  out.steps = std::move(list.value);
}

}  // namespace gantry::workflow::argo
