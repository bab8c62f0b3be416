#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "workflow/expr/decimal.h"
#include "workflow/expr/format.h"
#include "workflow/expr/go_number.h"
#include "workflow/expr/operators.h"
#include "workflow/expr/sprig.h"

namespace gantry::workflow::expr::sprig {
namespace {

/// "8.00" as "8" (spf13/cast trimZeroDecimal).
std::string_view without_zero_decimals(std::string_view text) {
  const std::size_t digits = text.find_last_not_of('0');
  if (digits == std::string_view::npos || digits + 1 == text.size() || text[digits] != '.') {
    return text;
  }
  return text.substr(0, digits);
}

// Go's integers wrap around.
std::uint64_t bits(const Value& value) { return static_cast<std::uint64_t>(cast_int(value)); }
Value integer(std::uint64_t value) { return Value::integer(static_cast<std::int64_t>(value)); }

/// untilStep: start, start + step … before stop; empty when the step goes the wrong way.
Array steps(std::int64_t start, std::int64_t stop, std::int64_t step, Context& context) {
  Array out;
  if (stop < start ? step >= 0 : step <= 0) return out;
  const auto distance = static_cast<std::uint64_t>(stop < start ? start : stop) -
                        static_cast<std::uint64_t>(stop < start ? stop : start);
  const std::uint64_t size =
      step < 0 ? 0 - static_cast<std::uint64_t>(step) : static_cast<std::uint64_t>(step);
  const std::uint64_t count = distance / size + (distance % size != 0);
  if (!context.spend_elements(count)) return out;
  for (std::uint64_t i = 0; i < count; ++i) {
    out.push_back(
        integer(static_cast<std::uint64_t>(start) + i * static_cast<std::uint64_t>(step)));
  }
  return out;
}

template <class Operation>
Value decimals(double first, Arguments more, const Operation& operation) {
  Decimal sum(first);
  for (const Value& value : more) sum = operation(sum, Decimal(cast_float(value)));
  return Value::number(sum.to_double());
}

}  // namespace

std::int64_t cast_int(const Value& value) {
  switch (value.kind()) {
    case Kind::Int:
    case Kind::Bool:
      return value.as_int();
    case Kind::Float:
      return truncate(value.as_float());
    case Kind::String:
      return parse_go_int(without_zero_decimals(value.as_text()), 0).value_or(0);
    default:
      return 0;
  }
}
double cast_float(const Value& value) {
  switch (value.kind()) {
    case Kind::Int:
    case Kind::Bool:
      return static_cast<double>(value.as_int());
    case Kind::Float:
      return value.as_float();
    case Kind::String:
      return parse_go_float(value.as_text()).value_or(0);
    default:
      return 0;
  }
}

Value atoi(Arguments args, Context&) {
  return Value::integer(parse_go_int(args[0].as_text(), 10).value_or(0));
}
Value to_int(Arguments args, Context&) { return Value::integer(cast_int(args[0])); }
Value to_float(Arguments args, Context&) { return Value::number(cast_float(args[0])); }

Value seq(Arguments args, Context& context) {
  if (args.empty() || args.size() > 3) return Value::borrowed("");
  const std::int64_t start = args.size() == 1 ? 1 : args[0].as_int();
  const std::int64_t end = args.back().as_int();
  const std::int64_t toward = end < start ? -1 : 1;
  const std::int64_t step = args.size() == 3 ? args[1].as_int() : toward;
  if (toward < 0 && step > 0) return Value::borrowed("");
  if (end == std::numeric_limits<std::int64_t>::max() ||
      end == std::numeric_limits<std::int64_t>::min()) {
    return context.fail("memory budget exceeded");
  }
  std::string out;
  for (const Value& number : steps(start, end + toward, step, context)) {
    if (!out.empty()) out += ' ';
    out += std::to_string(number.as_int());
  }
  return text_of(std::move(out), context);
}
/// The digits of a value read as octal.
Value to_decimal(Arguments args, Context&) {
  return Value::integer(parse_go_int(print(args[0]), 8).value_or(0));
}
Value until(Arguments args, Context& context) {
  const std::int64_t count = args[0].as_int();
  return Value::array(steps(0, count, count < 0 ? -1 : 1, context));
}
Value until_step(Arguments args, Context& context) {
  return Value::array(steps(args[0].as_int(), args[1].as_int(), args[2].as_int(), context));
}

Value add1(Arguments args, Context&) { return integer(bits(args[0]) + 1); }
Value add(Arguments args, Context&) {
  std::uint64_t sum = 0;
  for (const Value& value : args) sum += bits(value);
  return integer(sum);
}
Value sub(Arguments args, Context&) { return integer(bits(args[0]) - bits(args[1])); }
Value mul(Arguments args, Context&) {
  std::uint64_t product = bits(args[0]);
  for (const Value& value : args.subspan(1)) product *= bits(value);
  return integer(product);
}
Value div(Arguments args, Context& context) {
  const std::int64_t by = cast_int(args[1]);
  if (by == 0) return context.fail("runtime error: integer divide by zero");
  return by == -1 ? integer(0 - bits(args[0])) : Value::integer(cast_int(args[0]) / by);
}
Value mod(Arguments args, Context& context) {
  const std::int64_t by = cast_int(args[1]);
  if (by == 0) return context.fail("runtime error: integer divide by zero");
  return Value::integer(by == -1 ? 0 : cast_int(args[0]) % by);
}

Value add1f(Arguments args, Context&) {
  const Value one = Value::integer(1);
  return decimals(cast_float(args[0]), Arguments(&one, 1), std::plus<>());
}
Value addf(Arguments args, Context&) { return decimals(0, args, std::plus<>()); }
Value subf(Arguments args, Context&) {
  return decimals(cast_float(args[0]), args.subspan(1), std::minus<>());
}
Value mulf(Arguments args, Context&) {
  return decimals(cast_float(args[0]), args.subspan(1), std::multiplies<>());
}
Value divf(Arguments args, Context& context) {
  for (const Value& value : args.subspan(1)) {
    if (cast_float(value) == 0) return context.fail("decimal division by 0");
  }
  return decimals(cast_float(args[0]), args.subspan(1), std::divides<>());
}

Value max(Arguments args, Context&) {
  std::int64_t most = cast_int(args[0]);
  for (const Value& value : args) most = std::max(most, cast_int(value));
  return Value::integer(most);
}
Value min(Arguments args, Context&) {
  std::int64_t least = cast_int(args[0]);
  for (const Value& value : args) least = std::min(least, cast_int(value));
  return Value::integer(least);
}
namespace {
// math.Max and math.Min: NaN wins.
double either_nan(double a, double b, double otherwise) {
  return std::isnan(a) || std::isnan(b) ? std::numeric_limits<double>::quiet_NaN() : otherwise;
}
}  // namespace
Value maxf(Arguments args, Context&) {
  double most = cast_float(args[0]);
  for (const Value& value : args) {
    const double other = cast_float(value);
    most = either_nan(most, other, std::max(most, other));
  }
  return Value::number(most);
}
Value minf(Arguments args, Context&) {
  double least = cast_float(args[0]);
  for (const Value& value : args) {
    const double other = cast_float(value);
    least = either_nan(least, other, std::min(least, other));
  }
  return Value::number(least);
}
Value ceil(Arguments args, Context&) { return Value::number(std::ceil(cast_float(args[0]))); }
Value floor(Arguments args, Context&) { return Value::number(std::floor(cast_float(args[0]))); }
/// To `p` places; a third argument says from which fraction on it goes up.
Value round(Arguments args, Context&) {
  const double from = args.size() > 2 ? args[2].to_double() : 0.5;
  const double power = std::pow(10, static_cast<double>(args[1].as_int()));
  const double digit = power * cast_float(args[0]);
  double whole = 0;
  const double fraction = std::modf(digit, &whole);
  return Value::number((fraction >= from ? std::ceil(digit) : std::floor(digit)) / power);
}

}  // namespace gantry::workflow::expr::sprig
