#include "workflow/json_template.h"

#include <utility>

namespace gantry::workflow {

std::string& JsonTemplate::json() {
  if (pieces_.empty() || pieces_.back().is_text) pieces_.emplace_back();
  return pieces_.back().json;
}

void JsonTemplate::add_text(std::string_view text, Mark at, const std::function<void(Mark, const Error&)>& bad) {
  if (text.find("{{") == std::string_view::npos) return append_json_string(json(), text);
  auto parsed = Text::parse(text);
  if (!parsed) return bad(at, parsed.error());
  if (parsed->is_literal()) return append_json_string(json(), text);
  pieces_.push_back({true, {}, std::move(*parsed)});
}

void JsonTemplate::add(const Node& node, const std::function<void(Mark, const Error&)>& bad) {
  if (!holds_tags(node)) {
    json() += to_json(node);
  } else if (node.is_map()) {
    json() += '{';
    for (const Node::Entry& entry : node.entries) {
      if (&entry != node.entries.data()) json() += ',';
      add_text(entry.key, entry.at, bad);
      json() += ':';
      add(*entry.value, bad);
    }
    json() += '}';
  } else if (node.is_sequence()) {
    json() += '[';
    for (std::size_t i = 0; i < node.items.size(); ++i) {
      if (i > 0) json() += ',';
      add(*node.items[i], bad);
    }
    json() += ']';
  } else {
    add_text(node.text, node.at, bad);
  }
}

JsonTemplate JsonTemplate::of(const Node& node, const std::function<void(Mark, const Error&)>& bad) {
  JsonTemplate out;
  out.add(node, bad);
  return out;
}

JsonTemplate JsonTemplate::wrapped(std::string_view key, JsonTemplate inner) {
  JsonTemplate out;
  append_json_string(out.json() += '{', key);
  out.json() += ':';
  for (Piece& piece : inner.pieces_) {
    if (piece.is_text) {
      out.pieces_.push_back(std::move(piece));
    } else {
      out.json() += piece.json;
    }
  }
  out.json() += '}';
  return out;
}

Result<std::string> JsonTemplate::render(const std::function<Result<std::string>(const Text&)>& one) const {
  std::string out;
  for (const Piece& piece : pieces_) {
    if (!piece.is_text) {
      out += piece.json;
      continue;
    }
    auto rendered = one(piece.text);
    if (!rendered) return fail(std::move(rendered.error()));
    append_json_string(out, *rendered);
  }
  return out;
}

void JsonTemplate::for_each_text(const std::function<void(const Text&)>& visit) const {
  for (const Piece& piece : pieces_) {
    if (piece.is_text) visit(piece.text);
  }
}

bool holds_tags(const Node& node) {
  if (node.is_scalar()) return node.text.find("{{") != std::string_view::npos;
  for (const Node* item : node.items) {
    if (holds_tags(*item)) return true;
  }
  for (const Node::Entry& entry : node.entries) {
    if (entry.key.find("{{") != std::string_view::npos || holds_tags(*entry.value)) return true;
  }
  return false;
}

}  // namespace gantry::workflow
