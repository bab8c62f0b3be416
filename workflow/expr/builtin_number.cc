#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include "workflow/expr/builtins.h"
#include "workflow/expr/go_number.h"
#include "workflow/expr/operators.h"

namespace gantry::workflow::expr::builtins {
namespace {

Value invalid_argument(std::string_view function, const Value& value, Context& context) {
  return context.fail("invalid argument for " + std::string(function) + " (type " +
                      std::string(go_type(value)) + ")");
}

/// Calls `visit` with each number of the arguments, in arrays inside each other too.
template <class Visit>
bool each_number(std::string_view function, Arguments args, Context& context, const Visit& visit) {
  for (const Value& value : args) {
    if (!context.spend_steps(1)) return false;
    if (value.is_number()) {
      visit(value);
    } else if (value.is(Kind::Array)) {
      if (!each_number(function, value.as_array(), context, visit)) return false;
    } else {
      invalid_argument(function, value, context);
      return false;
    }
  }
  return true;
}

Value extreme(std::string_view function, Arguments args, Context& context) {
  // One thing alone that is neither is the most and the least of its kind.
  if (args.size() == 1 && !args[0].is_number() && !args[0].is(Kind::Array)) return args[0];
  Value found;
  const bool most = function == "max";
  each_number(function, args, context, [&](const Value& value) {
    if (found.is_nil() ||
        (most ? less(found, value, "<", context) : less(value, found, "<", context)))
      found = value;
  });
  return found;
}

}  // namespace

Value abs(Arguments args, Context& context) {
  const Value& value = args[0];
  if (value.is(Kind::Float))
    return Value::number(value.as_float() < 0 ? -value.as_float() : value.as_float());
  if (value.is(Kind::Int)) return value.as_int() < 0 ? negate(value, context) : value;
  return invalid_argument("abs", value, context);
}
Value ceil(Arguments args, Context&) { return Value::number(std::ceil(args[0].to_double())); }
Value floor(Arguments args, Context&) { return Value::number(std::floor(args[0].to_double())); }
Value round(Arguments args, Context&) { return Value::number(std::round(args[0].to_double())); }

Value to_int(Arguments args, Context& context) {
  const Value& value = args[0];
  switch (value.kind()) {
    case Kind::Int:
      return value;
    case Kind::Duration:
      return Value::integer(value.as_int());
    case Kind::Float:
      return Value::integer(truncate(value.as_float()));
    case Kind::String:
      if (const auto number = parse_go_int(value.as_text(), 10)) return Value::integer(*number);
      return context.fail("invalid operation: int(" + std::string(value.as_text()) + ")");
    default:
      return context.fail("invalid operation: int(" + std::string(go_type(value)) + ")");
  }
}

Value to_float(Arguments args, Context& context) {
  const Value& value = args[0];
  if (value.is_number()) return Value::number(value.to_double());
  if (value.is(Kind::String)) {
    if (const auto number = parse_go_float(value.as_text())) return Value::number(*number);
    return context.fail("invalid operation: float(" + std::string(value.as_text()) + ")");
  }
  return context.fail("invalid operation: float(" + std::string(go_type(value)) + ")");
}

Value max(Arguments args, Context& context) { return extreme("max", args, context); }
Value min(Arguments args, Context& context) { return extreme("min", args, context); }

Value mean(Arguments args, Context& context) {
  double sum = 0;
  std::size_t count = 0;
  each_number("mean", args, context, [&](const Value& value) {
    sum += value.to_double();
    ++count;
  });
  return Value::number(count == 0 ? 0 : sum / static_cast<double>(count));
}

Value median(Arguments args, Context& context) {
  std::vector<double> numbers;
  each_number("median", args, context,
              [&](const Value& value) { numbers.push_back(value.to_double()); });
  if (numbers.empty()) return Value::number(0);
  // NaN stands before the others, as Go's sort.Float64s has it.
  std::ranges::sort(numbers, [](double a, double b) {
    return std::isnan(a) || std::isnan(b) ? std::isnan(a) && !std::isnan(b) : a < b;
  });
  const std::size_t middle = numbers.size() / 2;
  if (numbers.size() % 2 == 1) return Value::number(numbers[middle]);
  return Value::number((numbers[middle - 1] + numbers[middle]) / 2);
}

Value bitand_(Arguments args, Context&) {
  return Value::integer(args[0].as_int() & args[1].as_int());
}
Value bitor_(Arguments args, Context&) {
  return Value::integer(args[0].as_int() | args[1].as_int());
}
Value bitxor(Arguments args, Context&) {
  return Value::integer(args[0].as_int() ^ args[1].as_int());
}
Value bitnand(Arguments args, Context&) {
  return Value::integer(args[0].as_int() & ~args[1].as_int());
}
Value bitnot(Arguments args, Context&) { return Value::integer(~args[0].as_int()); }

namespace {

/// The distance of a shift; nothing after an error.
std::optional<std::uint64_t> distance(Arguments args, Context& context) {
  if (args[1].as_int() >= 0) return static_cast<std::uint64_t>(args[1].as_int());
  context.fail("invalid operation: negative shift count " + std::to_string(args[1].as_int()) +
               " (type int)");
  return std::nullopt;
}

}  // namespace

Value bitshl(Arguments args, Context& context) {
  const auto by = distance(args, context);
  if (!by) return {};
  const auto value = static_cast<std::uint64_t>(args[0].as_int());
  return Value::integer(*by >= 64 ? 0 : static_cast<std::int64_t>(value << *by));
}
Value bitshr(Arguments args, Context& context) {
  const auto by = distance(args, context);
  if (!by) return {};
  return Value::integer(args[0].as_int() >> std::min<std::uint64_t>(*by, 63));
}
Value bitushr(Arguments args, Context& context) {
  const auto by = distance(args, context);
  if (!by) return {};
  const auto value = static_cast<std::uint64_t>(args[0].as_int());
  return Value::integer(*by >= 64 ? 0 : static_cast<std::int64_t>(value >> *by));
}

}  // namespace gantry::workflow::expr::builtins
