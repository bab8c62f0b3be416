#include <algorithm>
#include <string>

#include "workflow/expr/base64.h"
#include "workflow/expr/builtins.h"
#include "workflow/expr/format.h"
#include "workflow/expr/go_text.h"
#include "workflow/expr/json_path.h"
#include "workflow/expr/operators.h"

namespace gantry::workflow::expr::builtins {
namespace {

Value text_of(std::string text, Context& context) {
  return context.spend_text(text.size()) ? Value::text(std::move(text)) : Value();
}
Value list_of(const std::vector<std::string_view>& parts, Context& context) {
  if (!context.spend_elements(parts.size())) return {};
  Array items;
  items.reserve(parts.size());
  for (const std::string_view part : parts) items.push_back(Value::text(std::string(part)));
  return Value::array(std::move(items));
}
/// The numbers of positions are ints, -1 for none.
Value position(std::size_t at) {
  return Value::integer(at == std::string_view::npos ? -1 : static_cast<std::int64_t>(at));
}
/// How many parts of a text to look for: those that are wanted, or all that there can be.
std::int64_t parts_wanted(Arguments args, const Context& context) {
  const std::int64_t n = args.size() > 2 ? args[2].as_int() : -1;
  return n < 0 ? context.too_many() : std::min(n, context.too_many());
}
std::string_view second_or_blank(Arguments args) {
  return args.size() > 1 ? args[1].as_text() : std::string_view(" ");
}

}  // namespace

Value len(Arguments args, Context& context) {
  const Value& value = args[0];
  switch (value.kind()) {
    case Kind::Array:
      return Value::integer(static_cast<std::int64_t>(value.as_array().size()));
    case Kind::Map:
      return Value::integer(static_cast<std::int64_t>(value.as_map().size()));
    case Kind::Bytes:
      return Value::integer(static_cast<std::int64_t>(value.as_text().size()));
    case Kind::String:
      return Value::integer(static_cast<std::int64_t>(rune_count(value.as_text())));
    default:
      return context.fail("invalid argument for len (type " + std::string(go_type(value)) + ")");
  }
}

Value type(Arguments args, Context&) {
  switch (args[0].kind()) {
    case Kind::Nil:
      return Value::borrowed("nil");
    case Kind::Float:
      return Value::borrowed("float");
    case Kind::Array:
    case Kind::Bytes:
      return Value::borrowed("array");
    case Kind::Map:
      return Value::borrowed("map");
    case Kind::Zone:
      return Value::borrowed("unknown");
    default:
      return Value::borrowed(go_type(args[0]));
  }
}

Value to_string(Arguments args, Context& context) {
  if (args[0].is(Kind::String)) return args[0];
  return text_of(print(args[0]), context);
}

Value trim(Arguments args, Context&) {
  const std::string_view text = args[0].as_text();
  return Value::text(
      std::string(args.size() > 1 ? expr::trim(text, args[1].as_text()) : trim_space(text)));
}
Value trim_prefix(Arguments args, Context&) {
  std::string_view text = args[0].as_text();
  if (text.starts_with(second_or_blank(args))) text.remove_prefix(second_or_blank(args).size());
  return Value::text(std::string(text));
}
Value trim_suffix(Arguments args, Context&) {
  std::string_view text = args[0].as_text();
  if (text.ends_with(second_or_blank(args))) text.remove_suffix(second_or_blank(args).size());
  return Value::text(std::string(text));
}
Value upper(Arguments args, Context& context) {
  return text_of(to_upper(args[0].as_text()), context);
}
Value lower(Arguments args, Context& context) {
  return text_of(to_lower(args[0].as_text()), context);
}

Value split(Arguments args, Context& context) {
  const std::int64_t n = parts_wanted(args, context);
  return list_of(expr::split(args[0].as_text(), args[1].as_text(), n), context);
}
Value split_after(Arguments args, Context& context) {
  const std::int64_t n = parts_wanted(args, context);
  return list_of(expr::split(args[0].as_text(), args[1].as_text(), n, true), context);
}
Value replace(Arguments args, Context& context) {
  const std::int64_t n = args.size() > 3 ? args[3].as_int() : -1;
  return text_of(expr::replace(args[0].as_text(), args[1].as_text(), args[2].as_text(), n,
                               context.text_left()),
                 context);
}

Value repeat(Arguments args, Context& context) {
  const std::string_view text = args[0].as_text();
  const std::int64_t n = args[1].as_int();
  if (n < 0) {
    return context.fail("invalid argument for repeat (expected positive integer, got " +
                        std::to_string(n) + ")");
  }
  if (n > 1'000'000 || !context.spend_text(text.size() * static_cast<std::size_t>(n))) {
    return context.fail("memory budget exceeded");
  }
  std::string out;
  out.reserve(text.size() * static_cast<std::size_t>(n));
  for (std::int64_t i = 0; i < n; ++i) out += text;
  return Value::text(std::move(out));
}

Value join(Arguments args, Context& context) {
  const std::string_view glue = args.size() > 1 ? args[1].as_text() : std::string_view();
  std::string out;
  bool first = true;
  for (const Value& item : args[0].as_array()) {
    if (!item.is(Kind::String)) {
      return context.fail("interface conversion: interface {} is " +
                          std::string(item.is_nil() ? "nil" : go_type(item)) + ", not string");
    }
    if (out.size() + glue.size() + item.as_text().size() > context.text_left()) {
      return context.fail("memory budget exceeded");
    }
    if (!std::exchange(first, false)) out += glue;
    out += item.as_text();
  }
  return text_of(std::move(out), context);
}

Value index_of(Arguments args, Context&) {
  return position(args[0].as_text().find(args[1].as_text()));
}
Value last_index_of(Arguments args, Context&) {
  return position(args[0].as_text().rfind(args[1].as_text()));
}
Value has_prefix(Arguments args, Context&) {
  return Value::boolean(args[0].as_text().starts_with(args[1].as_text()));
}
Value has_suffix(Arguments args, Context&) {
  return Value::boolean(args[0].as_text().ends_with(args[1].as_text()));
}

Value to_json(Arguments args, Context& context) {
  auto json = expr::to_json(args[0], {.indent = true});
  return json ? text_of(std::move(*json), context) : context.fail(json.error().message);
}
Value to_compact_json(Arguments args, Context& context) {
  auto json = expr::to_json(args[0]);
  return json ? text_of(std::move(*json), context) : context.fail(json.error().message);
}
Value from_json(Arguments args, Context& context) {
  if (!context.spend_elements(args[0].as_text().size() / 8))
    return {};  // a value is larger than its text
  auto value = expr::from_json(args[0].as_text());
  return value ? std::move(*value) : context.fail(value.error().message);
}
Value to_base64(Arguments args, Context& context) {
  return text_of(base64_encode(args[0].as_text()), context);
}
Value from_base64(Arguments args, Context& context) {
  auto bytes = base64_decode(args[0].as_text());
  return bytes ? text_of(std::move(*bytes), context) : context.fail(bytes.error().message);
}

Value json_path(Arguments args, Context& context) {
  Value root = from_json(args.subspan(0, 1), context);
  if (context.failed()) return {};
  return query_json_path(args[1].as_text(), root, context);
}

}  // namespace gantry::workflow::expr::builtins
