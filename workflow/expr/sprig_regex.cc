#include "workflow/expr/regexp.h"
#include "workflow/expr/sprig.h"

namespace gantry::workflow::expr::sprig {
namespace {

/// The pattern of the first argument; fails when it is none.
std::optional<Regexp> pattern_of(Arguments args, Context& context) {
  if (!context.spend_steps(args[1].as_text().size() / 16 + 1)) return std::nullopt;
  auto compiled = Regexp::compile(args[0].as_text());
  if (compiled) return std::move(*compiled);
  context.fail(compiled.error().message);
  return std::nullopt;
}

Value texts(const std::vector<std::string_view>& parts, Context& context) {
  if (!context.spend_elements(parts.size())) return {};
  Array out;
  for (const std::string_view part : parts) out.push_back(Value::text(std::string(part)));
  return Value::array(std::move(out));
}

Value replaced(Arguments args, bool literal, Context& context) {
  const auto pattern = pattern_of(args, context);
  if (!pattern) return {};
  return text_of(
      pattern->replace_all(args[1].as_text(), args[2].as_text(), literal, context.text_left()),
      context);
}

}  // namespace

Value regex_match(Arguments args, Context& context) {
  if (!context.spend_steps(args[1].as_text().size() / 16 + 1)) return {};
  const auto pattern = Regexp::compile(args[0].as_text());
  return Value::boolean(pattern && pattern->matches(args[1].as_text()));
}
Value must_regex_match(Arguments args, Context& context) {
  const auto pattern = pattern_of(args, context);
  return pattern ? Value::boolean(pattern->matches(args[1].as_text())) : Value();
}
Value regex_find_all(Arguments args, Context& context) {
  const auto pattern = pattern_of(args, context);
  if (!pattern) return {};
  std::vector<std::string_view> found;
  for (const auto& [begin, end] :
       pattern->find_all(args[1].as_text(), parts_wanted(args[2], context)))
    found.push_back(args[1].as_text().substr(begin, end - begin));
  return texts(found, context);
}
Value regex_find(Arguments args, Context& context) {
  const auto pattern = pattern_of(args, context);
  if (!pattern) return {};
  const auto found = pattern->find_all(args[1].as_text(), 1);
  if (found.empty()) return Value::borrowed("");
  return Value::text(
      std::string(args[1].as_text().substr(found[0].first, found[0].second - found[0].first)));
}
Value regex_replace_all(Arguments args, Context& context) { return replaced(args, false, context); }
Value regex_replace_all_literal(Arguments args, Context& context) {
  return replaced(args, true, context);
}
Value regex_split(Arguments args, Context& context) {
  const auto pattern = pattern_of(args, context);
  return pattern ? texts(pattern->split(args[1].as_text(), parts_wanted(args[2], context)), context)
                 : Value();
}
Value regex_quote_meta(Arguments args, Context& context) {
  return text_of(Regexp::quote_meta(args[0].as_text()), context);
}

}  // namespace gantry::workflow::expr::sprig
