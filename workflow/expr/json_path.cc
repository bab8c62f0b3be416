#include "workflow/expr/json_path.h"

#include <charconv>
#include <cmath>
#include <optional>

#include "workflow/expr/go_text.h"
#include "workflow/expr/json_path_script.h"

namespace gantry::workflow::expr {
namespace json_path {
namespace {

using Kind = Step::Kind;
using expr::Kind::Array;
using expr::Kind::Map;

tl::unexpected<Error> wrong(std::string message) {
  return fail(Code::InvalidArgument, std::move(message));
}

std::optional<std::int64_t> integer(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// Parsing -----------------------------------------------------------------------------------------

/// Cuts `text` at each of `separators` outside of quotes and brackets.
std::vector<std::string_view> cut(std::string_view text, std::string_view separators) {
  std::vector<std::string_view> parts;
  char quote = 0;
  int depth = 0;
  std::size_t begin = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quote != 0) {
      if (c == '\\') {
        ++i;
      } else if (c == quote) {
        quote = 0;
      }
    } else if (c == '\'' || c == '"') {
      quote = c;
    } else if (c == '(' || c == '[') {
      ++depth;
    } else if (c == ')' || c == ']') {
      --depth;
    } else if (depth == 0 && separators.find(c) != std::string_view::npos) {
      parts.push_back(text.substr(begin, i - begin));
      begin = i + 1;
    }
  }
  parts.push_back(text.substr(begin));
  return parts;
}

class StepParser {
 public:
  StepParser(std::string_view path, int depth) : path_(path), depth_(depth) {}

  Result<Steps> run() {
    if (depth_ > kMaxNesting) return wrong("scripts nest too deep");
    if (path_.empty() || (path_[0] != '$' && path_[0] != '@')) {
      return wrong("unexpected token '" + std::string(path_.substr(0, 1)) + "' at index 0");
    }
    steps_.push_back({.kind = path_[0] == '$' ? Kind::Root : Kind::Current});
    at_ = 1;
    if (path_.size() > 1 && path_[1] != '.' && path_[1] != '[') {
      return wrong("unexpected token '" + std::string(path_.substr(1, 1)) + "' at index 1");
    }
    if (path_.size() > kMaxLength) return wrong("path is too long");
    while (at_ < path_.size()) {
      if (steps_.size() > kMaxSteps) return wrong("path has too many steps");
      if (auto done = step(); !done) return fail(std::move(done.error()));
    }
    return std::move(steps_);
  }

 private:
  Result<void> step() {
    if (path_[at_] == '[') return subscript();
    if (path_[at_] == '.') {
      ++at_;
      if (at_ < path_.size() && path_[at_] == '.') {
        ++at_;
        steps_.push_back({.kind = Kind::Recursive});
        return {};
      }
      if (at_ < path_.size() && path_[at_] == '[') return {};
    }
    const std::size_t end = std::min(path_.find_first_of(".[", at_), path_.size());
    const std::string_view name = trim_space(path_.substr(at_, end - at_));
    at_ = end;
    if (name.empty()) return wrong("invalid token. token string is empty");
    if (name == "*") {
      steps_.push_back({.kind = Kind::Wildcard});
    } else if (name == "length") {
      steps_.push_back({.kind = Kind::Length});
    } else {
      steps_.push_back({.kind = Kind::Key, .key = std::string(name)});
    }
    return {};
  }

  Result<void> subscript() {
    const std::size_t end = closing();
    const std::string_view written =
        path_.substr(at_, end == std::string_view::npos ? end : end - at_ + 1);
    const auto malformed = [&] {
      return wrong("invalid token. '" + std::string(written) + "' does not match any token format");
    };
    if (end == std::string_view::npos) return malformed();
    at_ = end + 1;
    const std::string_view inside = trim_space(written.substr(1, written.size() - 2));
    if (inside.empty()) return malformed();
    if (inside == "*") {
      steps_.push_back({.kind = Kind::Wildcard});
      return {};
    }
    if (inside[0] == '?') {
      if (!inside.starts_with("?(") || !inside.ends_with(')')) return malformed();
      auto script = Script::compile(trim_space(inside.substr(2, inside.size() - 3)), depth_ + 1);
      if (!script) return fail(std::move(script.error()));
      steps_.push_back({.kind = Kind::Filter, .script = std::move(*script)});
      return {};
    }
    const auto members = cut(inside, ",");
    const auto bounds = cut(inside, ":");
    if (members.size() > 1 && bounds.size() > 1) return malformed();
    if (bounds.size() > 3) return malformed();
    Step made{.kind = members.size() > 1 ? Kind::Union : Kind::Range};
    for (const std::string_view text : members.size() > 1 ? members : bounds) {
      auto part = parse_part(trim_space(text));
      if (!part) return fail(std::move(part.error()));
      const bool empty = part->kind == Step::Part::Kind::None;
      const bool key = part->kind == Step::Part::Kind::Key;
      if (bounds.size() > 1 ? key : empty) return malformed();
      made.parts.push_back(std::move(*part));
    }
    if (made.parts.size() > 1) {
      steps_.push_back(std::move(made));
      return {};
    }
    Step::Part& only = made.parts[0];
    switch (only.kind) {
      case Step::Part::Kind::Number:
        steps_.push_back({.kind = Kind::Index, .index = only.number});
        return {};
      case Step::Part::Kind::Key:
        steps_.push_back({.kind = Kind::Key, .key = std::move(only.key)});
        return {};
      case Step::Part::Kind::Script:
        steps_.push_back({.kind = Kind::Script, .script = std::move(only.script)});
        return {};
      default:
        return malformed();
    }
  }

  Result<Step::Part> parse_part(std::string_view text) const {
    Step::Part part;
    if (text.empty()) return part;
    if (const auto number = integer(text)) {
      part.kind = Step::Part::Kind::Number;
      part.number = *number;
      return part;
    }
    const bool quoted =
        text.size() > 1 && (text[0] == '\'' || text[0] == '"') && text.back() == text[0];
    if (quoted) {
      part.kind = Step::Part::Kind::Key;
      for (std::size_t i = 1; i + 1 < text.size(); ++i) {
        if (text[i] == '\\' && text[i + 1] == text[0] && i + 2 < text.size()) ++i;
        part.key += text[i];
      }
      return part;
    }
    if (text.size() > 2 && text[0] == '(' && text.back() == ')') {
      auto script = Script::compile(text.substr(1, text.size() - 2), depth_ + 1);
      if (!script) return fail(std::move(script.error()));
      part.kind = Step::Part::Kind::Script;
      part.script = std::move(*script);
      return part;
    }
    return wrong("invalid token. '[" + std::string(text) + "]' does not match any token format");
  }

  /// The bracket that closes the one at at_.
  [[nodiscard]] std::size_t closing() const {
    char quote = 0;
    int depth = 0;
    for (std::size_t i = at_; i < path_.size(); ++i) {
      const char c = path_[i];
      if (quote != 0) {
        if (c == '\\') {
          ++i;
        } else if (c == quote) {
          quote = 0;
        }
      } else if (c == '\'' || c == '"') {
        quote = c;
      } else if (c == '[') {
        ++depth;
      } else if (c == ']' && --depth == 0) {
        return i;
      }
    }
    return std::string_view::npos;
  }

  std::string_view path_;
  int depth_;
  std::size_t at_ = 0;
  Steps steps_;
};

// Applying ----------------------------------------------------------------------------------------

std::string_view go_kind(const Value& value) {
  switch (value.kind()) {
    case expr::Kind::Nil:
      return "nil";
    case expr::Kind::Array:
      return "slice";
    case expr::Kind::Map:
      return "map";
    default:
      return go_type(value);
  }
}

tl::unexpected<Error> wrong_target(std::string_view step, std::string_view wanted,
                                   const Value& got) {
  return wrong(std::string(step) + ": invalid token target. expected [" + std::string(wanted) +
               "] got [" + std::string(go_kind(got)) + "]");
}

class Walk {
 public:
  Walk(const Value& root, Context& context) : root_(root), context_(context) {}

  Result<Value> apply(std::span<const Step> steps, const Value& current) {
    if (!context_.spend_steps(1)) return wrong(context_.message());
    if (steps.empty()) return current;
    const Step& step = steps[0];
    const auto next = steps.subspan(1);
    switch (step.kind) {
      case Kind::Root:
        return apply(next, root_);
      case Kind::Current:
        return apply(next, current);
      case Kind::Wildcard:
        return wildcard(next, current);
      case Kind::Recursive: {
        expr::Array found;
        recursive(next, current, found);
        if (!context_.spend_elements(found.size())) return wrong(context_.message());
        return Value::array(std::move(found));
      }
      case Kind::Length:
        return length(next, current);
      case Kind::Key:
        return key(step.key, next, current);
      case Kind::Index:
        return index(step.index, next, current);
      case Kind::Union:
        return unite(step, next, current);
      case Kind::Range:
        return range(step, next, current);
      case Kind::Filter:
        return filter(step, next, current);
      case Kind::Script:
        return script(step, next, current);
    }
    return wrong("unknown step");
  }

 private:
  /// Goes on with each element; those where that fails or gives nil are left out.
  Result<Value> each(std::span<const Step> next, const expr::Array& elements) {
    if (!context_.spend_elements(elements.size())) return wrong(context_.message());
    if (next.empty()) return Value::array(elements);
    expr::Array found;
    for (const Value& element : elements) {
      auto value = apply(next, element);
      if (value && !value->is_nil()) found.push_back(std::move(*value));
    }
    return Value::array(std::move(found));
  }
  /// An index behind a list picks from the list.
  Result<Value> all_or_each(std::span<const Step> next, const expr::Array& elements) {
    if (!next.empty() && next[0].kind == Kind::Index) return apply(next, Value::array(elements));
    return each(next, elements);
  }

  static std::optional<expr::Array> elements_of(const Value& current) {
    if (current.is(Array)) return current.as_array();
    if (!current.is(Map)) return std::nullopt;
    expr::Array values;
    for (const auto& [name, value] : current.as_map()) values.push_back(value);
    return values;
  }

  Result<Value> wildcard(std::span<const Step> next, const Value& current) {
    const auto elements = elements_of(current);
    if (!elements) return wrong_target("wildcard", "array map slice", current);
    return each(next, *elements);
  }

  void recursive(std::span<const Step> next, const Value& current, expr::Array& found) {
    if (current.is_nil() || !context_.spend_steps(1)) return;
    if (next.empty()) {
      found.push_back(current);
    } else if (auto value = apply(next, current); value && !value->is_nil()) {
      if (value->is(Array)) {
        found.insert(found.end(), value->as_array().begin(), value->as_array().end());
      } else {
        found.push_back(std::move(*value));
      }
    }
    if (current.is(Array)) {
      for (const Value& item : current.as_array()) recursive(next, item, found);
    } else if (current.is(Map)) {
      for (const auto& [name, value] : current.as_map()) recursive(next, value, found);
    }
  }

  Result<Value> length(std::span<const Step> next, const Value& current) {
    if (current.is(Map)) {
      if (const Value* own = current.find("length")) return apply(next, *own);
      return apply(next, Value::integer(static_cast<std::int64_t>(current.as_map().size())));
    }
    if (current.is(Array)) {
      return apply(next, Value::integer(static_cast<std::int64_t>(current.as_array().size())));
    }
    if (current.is(expr::Kind::String)) {
      return apply(next, Value::integer(static_cast<std::int64_t>(current.as_text().size())));
    }
    return wrong_target("length", "array map slice string", current);
  }

  Result<Value> key(std::string_view name, std::span<const Step> next, const Value& current) {
    if (!current.is(Map)) return wrong_target("key", "map", current);
    const Value* found = current.find(name);
    if (found == nullptr)
      return wrong("key: invalid token key '" + std::string(name) + "' not found");
    return apply(next, *found);
  }

  Result<Value> index(std::int64_t index, std::span<const Step> next, const Value& current) {
    if (!current.is(Array)) return wrong_target("index", "array slice", current);
    const auto size = static_cast<std::int64_t>(current.as_array().size());
    if (index < 0) index += size;
    if (index < 0 || index >= size) return wrong("index: invalid token out of range");
    return apply(next, current.as_array()[static_cast<std::size_t>(index)]);
  }

  /// The value of a part: a number (as Int), a key (as text) or nil.
  Result<Value> part(const Step::Part& part, const Value& current) {
    switch (part.kind) {
      case Step::Part::Kind::None:
        return Value();
      case Step::Part::Kind::Number:
        return Value::integer(part.number);
      case Step::Part::Kind::Key:
        return Value::text(part.key);
      case Step::Part::Kind::Script:
        break;
    }
    auto value = part.script->evaluate(root_, current, context_);
    if (!value) return value;
    return whole(*value);
  }
  /// A float without a fraction is an integer here.
  static Value whole(const Value& value) {
    if (value.is(expr::Kind::Float) && std::trunc(value.as_float()) == value.as_float() &&
        std::fabs(value.as_float()) < 9e18) {
      return Value::integer(static_cast<std::int64_t>(value.as_float()));
    }
    return value;
  }

  Result<Value> unite(const Step& step, std::span<const Step> next, const Value& current) {
    expr::Array parts;
    for (const Step::Part& each_part : step.parts) {
      auto value = part(each_part, current);
      if (!value) return value;
      if (!value->is(expr::Kind::Int) && !value->is(expr::Kind::String)) {
        return wrong("union: invalid token argument. expected [int string] got [" +
                     std::string(go_kind(*value)) + "]");
      }
      if (!parts.empty() && parts[0].kind() != value->kind()) {
        return wrong("union: invalid token argument. expected [" + std::string(go_kind(parts[0])) +
                     "] got [" + std::string(go_kind(*value)) + "]");
      }
      parts.push_back(std::move(*value));
    }
    expr::Array found;
    if (parts[0].is(expr::Kind::String)) {
      if (!current.is(Map)) return wrong_target("union", "map", current);
      for (const Value& name : parts) {
        if (const Value* value = current.find(name)) found.push_back(*value);
      }
    } else {
      if (!current.is(Array)) return wrong_target("union", "array slice", current);
      const auto size = static_cast<std::int64_t>(current.as_array().size());
      for (const Value& number : parts) {
        const std::int64_t at = number.as_int() < 0 ? number.as_int() + size : number.as_int();
        if (at >= 0 && at < size) found.push_back(current.as_array()[static_cast<std::size_t>(at)]);
      }
    }
    return all_or_each(next, found);
  }

  Result<Value> range(const Step& step, std::span<const Step> next, const Value& current) {
    if (!current.is(Array)) return wrong_target("range", "array slice", current);
    const auto size = static_cast<std::int64_t>(current.as_array().size());
    std::int64_t bounds[3] = {0, size, 1};
    for (std::size_t i = 0; i < step.parts.size(); ++i) {
      auto value = part(step.parts[i], current);
      if (!value) return value;
      if (value->is_nil()) continue;
      if (!value->is(expr::Kind::Int)) {
        return wrong("range: invalid token argument. expected [int] got [" +
                     std::string(go_kind(*value)) + "]");
      }
      bounds[i] = value->as_int();
      if (i == 2) break;
      if (bounds[i] < 0) bounds[i] += size;
      bounds[i] = std::clamp<std::int64_t>(bounds[i], 0, size);
    }
    const auto [from, to, by] = bounds;
    if (by == 0) return wrong("range: invalid token out of range");
    const expr::Array& items = current.as_array();
    expr::Array found;
    if (by > 0) {
      for (std::int64_t i = from; i<to; i = by> to - i ? to : i + by)
        found.push_back(items[static_cast<std::size_t>(i)]);
    } else {
      for (std::int64_t i = to - 1; i >= from; i = by < from - i ? from - 1 : i + by)
        found.push_back(items[static_cast<std::size_t>(i)]);
    }
    return all_or_each(next, found);
  }

  static bool holds(const Value& value) {
    switch (value.kind()) {
      case expr::Kind::Nil:
        return false;
      case expr::Kind::Bool:
        return value.as_bool();
      case expr::Kind::Array:
        return !value.as_array().empty();
      case expr::Kind::Map:
        return !value.as_map().empty();
      case expr::Kind::String:
        return value.as_text() != "" && value.as_text() != "''" && value.as_text() != "\"\"";
      default:
        return value.to_double() != 0;
    }
  }

  Result<Value> filter(const Step& step, std::span<const Step> next, const Value& current) {
    const auto elements = elements_of(current);
    if (!elements) return wrong_target("filter", "array map slice", current);
    expr::Array kept;
    for (const Value& element : *elements) {
      const auto verdict = step.script->evaluate(root_, element, context_);
      if (verdict && holds(*verdict)) kept.push_back(element);
    }
    return all_or_each(next, kept);
  }

  Result<Value> script(const Step& step, std::span<const Step> next, const Value& current) {
    auto value = step.script->evaluate(root_, current, context_);
    if (!value) return fail(std::move(value.error()).wrap("invalid expression"));
    const Value place = whole(*value);
    if (place.is(expr::Kind::String)) return key(place.as_text(), next, current);
    if (place.is(expr::Kind::Int)) return index(place.as_int(), next, current);
    return wrong("unexpected expression result. expected [int string] got [" +
                 std::string(go_kind(place)) + "]");
  }

  const Value& root_;
  Context& context_;
};

}  // namespace

Result<Steps> parse_steps(std::string_view path, int depth) {
  return StepParser(path, depth).run();
}

Result<Value> apply_steps(std::span<const Step> steps, const Value& root, const Value& current,
                          Context& context) {
  return Walk(root, context).apply(steps, current);
}

}  // namespace json_path

Value query_json_path(std::string_view path, const Value& root, Context& context) {
  const auto steps = json_path::parse_steps(path);
  if (!steps) {
    return context.fail("invalid JSONPath selector '" + std::string(path) + "' " +
                        steps.error().message);
  }
  auto value = json_path::apply_steps(*steps, root, root, context);
  return value ? std::move(*value) : context.fail(value.error().message);
}

}  // namespace gantry::workflow::expr
