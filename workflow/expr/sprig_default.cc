#include "workflow/expr/format.h"
#include "workflow/expr/operators.h"
#include "workflow/expr/sprig.h"

namespace gantry::workflow::expr::sprig {
namespace {

Value json_of(const Value& value, JsonStyle style, bool must, Context& context) {
  auto json = expr::to_json(value, style);
  if (json) return text_of(std::move(*json), context);
  return must ? context.fail(json.error().message) : Value::borrowed("");
}

std::string_view kind_name(const Value& value) {
  switch (value.kind()) {
    case Kind::Nil:
      return "invalid";
    case Kind::Array:
    case Kind::Bytes:
      return "slice";
    case Kind::Map:
      return "map";
    case Kind::Time:
      return "struct";
    case Kind::Duration:
      return "int64";
    case Kind::Zone:
      return "ptr";
    default:
      return go_type(value);
  }
}

}  // namespace

bool is_empty(const Value& value) {
  switch (value.kind()) {
    case Kind::Nil:
      return true;
    case Kind::Float:
      return value.as_float() == 0;
    case Kind::String:
    case Kind::Bytes:
      return value.as_text().empty();
    case Kind::Array:
      return value.as_array().empty();
    case Kind::Map:
      return value.as_map().empty();
    case Kind::Time:
    case Kind::Zone:
      return false;
    default:
      return value.as_int() == 0;
  }
}

Value default_value(Arguments args, Context&) {
  return args.size() < 2 || is_empty(args[1]) ? args[0] : args[1];
}
Value empty(Arguments args, Context&) { return Value::boolean(is_empty(args[0])); }
Value coalesce(Arguments args, Context&) {
  for (const Value& value : args) {
    if (!is_empty(value)) return value;
  }
  return {};
}
Value all(Arguments args, Context&) {
  for (const Value& value : args) {
    if (is_empty(value)) return Value::boolean(false);
  }
  return Value::boolean(true);
}
Value any(Arguments args, Context&) {
  for (const Value& value : args) {
    if (!is_empty(value)) return Value::boolean(true);
  }
  return Value::boolean(false);
}
Value ternary(Arguments args, Context&) { return args[2].as_bool() ? args[0] : args[1]; }

Value must_from_json(Arguments args, Context& context) {
  if (!context.spend_elements(args[0].as_text().size() / 8)) return {};
  auto value = expr::from_json(args[0].as_text());
  return value ? std::move(*value) : context.fail(value.error().message);
}
Value from_json(Arguments args, Context& context) {
  if (!context.spend_elements(args[0].as_text().size() / 8)) return {};
  return expr::from_json(args[0].as_text()).value_or(Value());
}
Value to_json(Arguments args, Context& context) { return json_of(args[0], {}, false, context); }
Value must_to_json(Arguments args, Context& context) { return json_of(args[0], {}, true, context); }
Value to_pretty_json(Arguments args, Context& context) {
  return json_of(args[0], {.indent = true}, false, context);
}
Value must_to_pretty_json(Arguments args, Context& context) {
  return json_of(args[0], {.indent = true}, true, context);
}
Value to_raw_json(Arguments args, Context& context) {
  return json_of(args[0], {.escape_html = false}, true, context);
}

Value type_of(Arguments args, Context&) { return Value::borrowed(go_type(args[0])); }
Value type_is(Arguments args, Context&) {
  return Value::boolean(args[0].as_text() == go_type(args[1]));
}
Value type_is_like(Arguments args, Context&) {
  const std::string_view type = go_type(args[1]);
  const std::string_view wanted = args[0].as_text();
  return Value::boolean(wanted == type || (type.starts_with('*') && wanted == type.substr(1)));
}
Value kind_of(Arguments args, Context&) { return Value::borrowed(kind_name(args[0])); }
Value kind_is(Arguments args, Context&) {
  return Value::boolean(args[0].as_text() == kind_name(args[1]));
}
Value deep_equal(Arguments args, Context& context) {
  if (!context.spend_steps(weight(args[0]))) return {};
  return Value::boolean(expr::deep_equal(args[0], args[1]));
}

}  // namespace gantry::workflow::expr::sprig
