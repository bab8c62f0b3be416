#include "workflow/document.h"

#include <simdjson.h>

#include <algorithm>
#include <cstring>
#include <unordered_map>

#include "workflow/document_builder.h"

namespace gantry::workflow {
namespace {

constexpr std::size_t kLinearSearch =
    16;  // up to here comparing all keys is cheaper than hashing them

bool is_continuation(unsigned char c) { return (c & 0xc0) == 0x80; }

/// Offset of the first byte that is not UTF-8.
std::size_t first_invalid(std::string_view bytes) {
  std::size_t i = 0;
  while (i < bytes.size()) {
    const auto c = static_cast<unsigned char>(bytes[i]);
    const std::size_t length = c < 0x80                ? 1
                               : c >= 0xc2 && c < 0xe0 ? 2
                               : (c & 0xf0) == 0xe0    ? 3
                               : c >= 0xf0 && c < 0xf5 ? 4
                                                       : 0;
    if (length == 0 || i + length > bytes.size()) return i;
    for (std::size_t k = 1; k < length; ++k) {
      if (!is_continuation(bytes[i + k])) return i;
    }
    // Overlong forms, surrogates and values above U+10FFFF differ from good ones in the second byte
    // only.
    const auto next = length > 2 ? static_cast<unsigned char>(bytes[i + 1]) : 0;
    if ((c == 0xe0 && next < 0xa0) || (c == 0xed && next > 0x9f) || (c == 0xf0 && next < 0x90) ||
        (c == 0xf4 && next > 0x8f)) {
      return i;
    }
    i += length;
  }
  return i;
}

std::string hex_byte(unsigned char byte) {
  constexpr char kDigits[] = "0123456789abcdef";
  return {'0', 'x', kDigits[byte >> 4], kDigits[byte & 15]};
}

}  // namespace

const Node* Node::find(std::string_view key) const {
  for (const Entry& entry : entries) {
    if (entry.key == key) return entry.value;
  }
  return nullptr;
}

std::string_view kind_name(const Node& node) {
  switch (node.kind) {
    case Node::Kind::Map:
      return "a map";
    case Node::Kind::Sequence:
      return "a list";
    case Node::Kind::Scalar:
      break;
  }
  switch (node.type) {
    case ScalarType::Null:
      return "null";
    case ScalarType::Bool:
      return "a boolean";
    case ScalarType::Integer:
    case ScalarType::Float:
      return "a number";
    case ScalarType::String:
      break;
  }
  return "a string";
}

Node* Document::make_node() {
  return std::pmr::polymorphic_allocator<>(arena_.get()).new_object<Node>();
}

std::string_view Document::intern(std::string_view text) {
  if (text.empty()) return {};
  char* copy = static_cast<char*>(arena_->allocate(text.size(), 1));
  std::memcpy(copy, text.data(), text.size());
  return {copy, text.size()};
}

std::span<const Node* const> Document::intern(const std::vector<const Node*>& items) {
  if (items.empty()) return {};
  auto* copy =
      static_cast<const Node**>(arena_->allocate(items.size() * sizeof(Node*), alignof(Node*)));
  std::copy(items.begin(), items.end(), copy);
  return {copy, items.size()};
}

std::span<const Node::Entry> Document::intern(const std::vector<Node::Entry>& entries) {
  if (entries.empty()) return {};
  auto* copy = static_cast<Node::Entry*>(
      arena_->allocate(entries.size() * sizeof(Node::Entry), alignof(Node::Entry)));
  std::uninitialized_copy(entries.begin(), entries.end(), copy);
  return {copy, entries.size()};
}

const Node* Document::make_text(std::string_view text, Mark at) {
  Node* node = make_node();
  node->type = ScalarType::String;
  node->text = intern(text);
  node->at = at;
  return node;
}

Node* DocumentBuilder::count(Mark at, Node* node) {
  std::uint64_t expanded = 1;
  std::uint16_t height = 0;
  const auto add = [&](const Node& child) {
    expanded += child.expanded;
    height = std::max(height, child.height);
  };
  for (const Node* item : node->items) add(*item);
  for (const Node::Entry& entry : node->entries) add(*entry.value);
  if (expanded > limits_.nodes) {
    throw Refused{at, "document has more than " + std::to_string(limits_.nodes) + " nodes"};
  }
  node->at = at;
  node->expanded = static_cast<std::uint32_t>(expanded);
  node->height = height + 1;
  return node;
}

const Node* DocumentBuilder::scalar(Mark at, ScalarType type, std::string_view text) {
  return new_scalar(at, type, text);
}

Node* DocumentBuilder::new_scalar(Mark at, ScalarType type, std::string_view text) {
  Node* node = document_.make_node();
  node->at = at;
  node->type = type;
  node->text = document_.intern(text);
  return node;
}

const Node* DocumentBuilder::plain(Mark at, std::string_view text) {
  const Scalar resolved = resolve_plain(text);
  if (resolved.type == ScalarType::Float && resolved.text.empty()) {
    throw Refused{at, "a number must be finite, found " + std::string(text)};
  }
  Node* node = new_scalar(at, resolved.type, resolved.text);
  if (resolved.type != ScalarType::Null && resolved.text != text)
    node->written = document_.intern(text);
  return node;
}

const Node* DocumentBuilder::sequence(Mark at, const std::vector<const Node*>& items) {
  Node* node = document_.make_node();
  node->kind = Node::Kind::Sequence;
  node->items = document_.intern(items);
  return count(at, node);
}

const Node* DocumentBuilder::map(Mark at, const std::vector<Node::Entry>& entries) {
  const auto refuse = [](const Node::Entry& second, const Node::Entry& first) {
    throw Refused{second.at, "duplicate key \"" + std::string(second.key) +
                                 "\": already set at line " + std::to_string(first.at.line)};
  };
  if (entries.size() <= kLinearSearch) {
    for (std::size_t i = 0; i < entries.size(); ++i) {
      for (std::size_t k = 0; k < i; ++k) {
        if (entries[k].key == entries[i].key) refuse(entries[i], entries[k]);
      }
    }
  } else {
    std::unordered_map<std::string_view, const Node::Entry*> seen;
    seen.reserve(entries.size());
    for (const Node::Entry& entry : entries) {
      const auto [first, fresh] = seen.emplace(entry.key, &entry);
      if (!fresh) refuse(entry, *first->second);
    }
  }
  Node* node = document_.make_node();
  node->kind = Node::Kind::Map;
  node->entries = document_.intern(entries);
  return count(at, node);
}

void DocumentBuilder::alias(Mark at, const Node& target) {
  alias_nodes_ += target.expanded;
  if (alias_nodes_ > limits_.alias_nodes) {
    throw Refused{at,
                  "aliases expand to more than " + std::to_string(limits_.alias_nodes) + " nodes"};
  }
}

void DocumentBuilder::check_depth(Mark at, std::size_t depth) const {
  if (depth > limits_.depth) {
    throw Refused{at,
                  "document is nested more than " + std::to_string(limits_.depth) + " levels deep"};
  }
}

Mark LineCounter::mark(std::size_t offset) {
  offset = std::min(offset, bytes_.size());
  if (offset < offset_) {
    offset_ = 0;
    at_ = {1, 1};
  }
  for (; offset_ < offset; ++offset_) {
    if (bytes_[offset_] == '\n') {
      at_ = {at_.line + 1, 1};
    } else {
      ++at_.column;
    }
  }
  return at_;
}

bool check_bytes(std::string_view bytes, const Limits& limits, bool json,
                 Diagnostics& diagnostics) {
  if (bytes.size() > limits.bytes) {
    diagnostics.error({1, 1}, "document is " + std::to_string(bytes.size()) +
                                  " bytes long, the limit is " + std::to_string(limits.bytes));
    return false;
  }
  if (!simdjson::validate_utf8(bytes.data(), bytes.size())) {
    const std::size_t bad = first_invalid(bytes);
    diagnostics.error(LineCounter(bytes).mark(bad),
                      "invalid UTF-8: byte " + hex_byte(bad < bytes.size() ? bytes[bad] : 0));
    return false;
  }
  if (json) return true;  // simdjson checks control characters itself
  const auto control = std::find_if(bytes.begin(), bytes.end(), [](char c) {
    return (static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t' && c != '\r') ||
           c == 0x7f;
  });
  if (control == bytes.end()) return true;
  diagnostics.error(LineCounter(bytes).mark(control - bytes.begin()),
                    "control characters are not allowed, found " + hex_byte(*control));
  return false;
}

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\t':
        out += "\\t";
        break;
      case '\r':
        out += "\\r";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          out += "\\u00" + hex_byte(c).substr(2);
        } else {
          out += c;
        }
    }
  }
  out += '"';
}

namespace {

void append_json(std::string& out, const Node& node,
                 const std::unordered_set<const Node*>& as_text) {
  switch (node.kind) {
    case Node::Kind::Scalar:
      if (node.type == ScalarType::String || (!node.is_null() && as_text.contains(&node))) {
        append_json_string(out, node.text);
      } else {
        out += node.is_null() ? "null" : node.text;
      }
      return;
    case Node::Kind::Sequence:
      out += '[';
      for (std::size_t i = 0; i < node.items.size(); ++i) {
        if (i != 0) out += ',';
        append_json(out, *node.items[i], as_text);
      }
      out += ']';
      return;
    case Node::Kind::Map:
      out += '{';
      for (const Node::Entry& entry : node.entries) {
        if (&entry != node.entries.data()) out += ',';
        append_json_string(out, entry.key);
        out += ':';
        append_json(out, *entry.value, as_text);
      }
      out += '}';
      return;
  }
}

}  // namespace

std::string to_json(const Node& node, const std::unordered_set<const Node*>& as_text) {
  std::string out;
  append_json(out, node, as_text);
  return out;
}

}  // namespace gantry::workflow
