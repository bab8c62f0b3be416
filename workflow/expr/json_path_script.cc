#include "workflow/expr/json_path_script.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "workflow/expr/format.h"
#include "workflow/expr/go_number.h"
#include "workflow/expr/go_text.h"
#include "workflow/expr/operators.h"
#include "workflow/expr/regexp.h"

namespace gantry::workflow::expr::json_path {
namespace {

tl::unexpected<Error> wrong(std::string message) {
  return fail(Code::InvalidArgument, std::move(message));
}

bool is_word(std::string_view text, std::size_t at) {
  return at < text.size() &&
         (is_letter(static_cast<unsigned char>(text[at])) ||
          is_digit(static_cast<unsigned char>(text[at])) || text[at] == '_' || text[at] == '.');
}

/// Where `word` stands first in `source` outside of quotes and brackets.
std::size_t find_outside(std::string_view source, std::string_view word) {
  const bool letters = is_letter(static_cast<unsigned char>(word[0]));
  char quote = 0;
  int depth = 0;
  for (std::size_t i = 0; i < source.size(); ++i) {
    const char c = source[i];
    if (quote != 0) {
      if (c == quote) quote = 0;
      continue;
    }
    if (c == '\'' || c == '"') {
      quote = c;
    } else if (c == '(' || c == '[') {
      ++depth;
    } else if (c == ')' || c == ']') {
      --depth;
    } else if (depth == 0 && source.substr(i).starts_with(word)) {
      if (!letters || (!(i > 0 && is_word(source, i - 1)) && !is_word(source, i + word.size())))
        return i;
    }
  }
  return std::string_view::npos;
}

/// Whether the bracket at the front is closed by the one at the end.
bool in_brackets(std::string_view text) {
  if (text.size() < 2 || text[0] != '(' || text.back() != ')') return false;
  int depth = 0;
  char quote = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (quote != 0) {
      if (text[i] == quote) quote = 0;
    } else if (text[i] == '\'' || text[i] == '"') {
      quote = text[i];
    } else if (text[i] == '(') {
      ++depth;
    } else if (text[i] == ')' && --depth == 0 && i + 1 < text.size()) {
      return false;
    }
  }
  return true;
}

bool is_quoted(std::string_view text, char quote) {
  return text.size() > 1 && text.front() == quote && text.back() == quote;
}
std::string_view inner(std::string_view text) { return text.substr(1, text.size() - 2); }

}  // namespace

const std::vector<Script::Operator>& Script::operators() {
  // In the order in which an expression is taken apart: what stands first binds last.
  static const std::vector<Operator> all = {
      {"||", Op::Or},          {"&&", Op::And},         {"==", Op::Equal}, {"!=", Op::NotEqual},
      {"<=", Op::LessOrEqual}, {">=", Op::MoreOrEqual}, {"<", Op::Less},   {">", Op::More},
      {"=~", Op::Regexp},      {"!", Op::Not},          {"+", Op::Add},    {"-", Op::Subtract},
      {"**", Op::Power},       {"*", Op::Multiply},     {"/", Op::Divide}, {"%", Op::Modulo},
      {"not in", Op::NotIn},   {"in", Op::In},          {"@", Op::Path},   {"$", Op::Path},
  };
  return all;
}

Result<std::shared_ptr<const Script>> Script::compile(std::string_view source, int depth) {
  if (trim_space(source).empty()) return wrong("invalid expression. is empty");
  return build(source, 0, depth);
}

Result<std::shared_ptr<const Script>> Script::build(std::string_view source, std::size_t from,
                                                    int depth) {
  if (depth > kMaxNesting) return wrong("scripts nest too deep");
  source = trim_space(source);
  while (in_brackets(source)) {
    source = trim_space(inner(source));
    from = 0;
  }
  auto made = std::make_shared<Script>();
  for (; from < operators().size(); ++from) {
    const Operator& known = operators()[from];
    const std::size_t at = find_outside(source, known.word);
    if (at == std::string_view::npos) continue;
    if (known.op == Op::Path) {
      if (at != 0) continue;
      auto steps = parse_steps(source, depth + 1);
      if (!steps) return fail(std::move(steps.error()));
      made->op_ = Op::Path;
      made->steps_ = std::move(*steps);
      return made;
    }
    const std::string_view left = trim_space(source.substr(0, at));
    const std::string_view right = trim_space(source.substr(at + known.word.size()));
    if (right.empty() || left.empty() != (known.op == Op::Not)) continue;
    auto operand = build(right, from, depth + 1);
    if (!operand) return operand;
    made->op_ = known.op;
    made->right_ = std::move(*operand);
    if (known.op == Op::Not) return made;
    operand = build(left, from, depth + 1);
    if (!operand) return operand;
    made->left_ = std::move(*operand);
    return made;
  }
  made->operand_ = Value::text(std::string(source));
  if (source.size() > 1 &&
      ((source[0] == '[' && source.back() == ']') || (source[0] == '{' && source.back() == '}'))) {
    if (auto json = from_json(source)) made->operand_ = std::move(*json);
  }
  return made;
}

Result<Value> Script::evaluate(const Value& root, const Value& current, Context& context) const {
  if (!context.spend_steps(1)) return wrong(context.message());
  const auto from = [](const Result<bool>& truth) -> Result<Value> {
    if (!truth) return fail(truth.error());
    return Value::boolean(*truth);
  };
  switch (op_) {
    case Op::Operand: {
      if (!operand_.is(Kind::String)) return operand_;
      const std::string_view written = operand_.as_text();
      if (written == "nil" || written == "null") return Value();
      if (const auto value = parse_go_float(written)) return Value::number(*value);
      if (written == "true" || written == "false") return Value::boolean(written == "true");
      return operand_;
    }
    case Op::Path: {
      auto found = apply_steps(steps_, root, current, context);
      if (!found || !found->is(Kind::String) || is_quoted(found->as_text(), '\'')) return found;
      return Value::text("'" + std::string(found->as_text()) + "'");
    }
    case Op::Or:
    case Op::And: {
      const auto a = left_->boolean(root, current, context);
      const auto b = right_->boolean(root, current, context);
      if (!a || !b) return from(a ? b : a);
      return Value::boolean(op_ == Op::Or ? *a || *b : *a && *b);
    }
    case Op::Not: {
      const auto truth = right_->boolean(root, current, context);
      return truth ? Value::boolean(!*truth) : from(truth);
    }
    case Op::Equal:
    case Op::NotEqual: {
      const auto x = left_->number(root, current, context);
      const auto y = right_->number(root, current, context);
      if (x && y) return Value::boolean((*x == *y) == (op_ == Op::Equal));
      const auto a = left_->text(root, current, context);
      if (!a) return fail(a.error());
      const auto b = right_->text(root, current, context);
      if (!b) return fail(b.error());
      return Value::boolean((*a == *b) == (op_ == Op::Equal));
    }
    case Op::Regexp: {
      const auto text = left_->text(root, current, context);
      const auto pattern = right_->text(root, current, context);
      if (!text || !pattern) return fail(text ? pattern.error() : text.error());
      const auto compiled =
          Regexp::compile(is_quoted(*pattern, '\'') ? inner(*pattern) : std::string_view(*pattern));
      if (!compiled) return fail(compiled.error());
      return Value::boolean(
          compiled->matches(is_quoted(*text, '\'') ? inner(*text) : std::string_view(*text)));
    }
    case Op::In:
      return from(is_member(root, current, context));
    case Op::NotIn: {
      const auto truth = is_member(root, current, context);
      return truth ? Value::boolean(!*truth) : from(truth);
    }
    default:
      break;
  }
  const auto x = left_->number(root, current, context);
  const auto y = right_->number(root, current, context);
  if (!x || !y) return fail(x ? y.error() : x.error());
  switch (op_) {
    case Op::LessOrEqual:
      return Value::boolean(*x <= *y);
    case Op::MoreOrEqual:
      return Value::boolean(*x >= *y);
    case Op::Less:
      return Value::boolean(*x < *y);
    case Op::More:
      return Value::boolean(*x > *y);
    case Op::Add:
      return Value::number(*x + *y);
    case Op::Subtract:
      return Value::number(*x - *y);
    case Op::Power:
      return Value::number(std::pow(*x, *y));
    case Op::Multiply:
      return Value::number(*x * *y);
    case Op::Divide:
      return Value::number(*x / *y);
    default:  // Modulo, of integers
      if (std::trunc(*x) != *x || std::trunc(*y) != *y) {
        return wrong("invalid argument. expected integer");
      }
      return Value::number(std::fmod(*x, *y));
  }
}

Result<double> Script::number(const Value& root, const Value& current, Context& context) const {
  const auto value = evaluate(root, current, context);
  if (!value) return fail(value.error());
  const auto parsed = parse_go_float(print(*value));
  if (!parsed) return wrong("invalid argument. expected number");
  return *parsed;
}

Result<bool> Script::boolean(const Value& root, const Value& current, Context& context) const {
  const auto value = evaluate(root, current, context);
  if (!value) return fail(value.error());
  if (value->is_nil()) return false;
  const std::string text = print(*value);
  // strconv.ParseBool
  constexpr std::string_view kTrue[] = {"1", "t", "T", "true", "TRUE", "True"};
  constexpr std::string_view kFalse[] = {"0", "f", "F", "false", "FALSE", "False"};
  if (std::ranges::find(kTrue, text) != std::end(kTrue)) return true;
  if (std::ranges::find(kFalse, text) != std::end(kFalse)) return false;
  return wrong("invalid argument. expected boolean");
}

/// As comparisons see it: a text in single quotes, anything else as Go prints it.
Result<std::string> Script::text(const Value& root, const Value& current, Context& context) const {
  const auto value = evaluate(root, current, context);
  if (!value) return fail(value.error());
  std::string text = print(*value);
  if (value->is(Kind::String) && is_quoted(text, '"')) text = "'" + std::string(inner(text)) + "'";
  return text;
}

Result<bool> Script::is_member(const Value& root, const Value& current, Context& context) const {
  const auto collection = right_->evaluate(root, current, context);
  if (!collection) return fail(collection.error());
  Value item;
  if (const auto number = left_->number(root, current, context)) {
    item = Value::number(*number);
  } else if (auto text = left_->text(root, current, context)) {
    item = Value::text(is_quoted(*text, '\'') ? std::string(inner(*text)) : *text);
  }
  const auto same = [&](const Value& element) { return equal(element, item); };
  if (collection->is(Kind::Array)) return std::ranges::any_of(collection->as_array(), same);
  if (collection->is(Kind::Map)) {
    return std::ranges::any_of(collection->as_map(),
                               [&](const auto& entry) { return same(entry.second); });
  }
  return wrong("invalid argument. expected array, map, or slice");
}

}  // namespace gantry::workflow::expr::json_path
