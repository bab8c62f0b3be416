#include "workflow/expr/operators.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "workflow/expr/format.h"
#include "workflow/expr/time.h"

namespace gantry::workflow::expr {
namespace {

Value invalid(std::string_view word, const Value& a, const Value& b, Context& context) {
  std::string message = "invalid operation: ";
  message.append(go_type(a)).append(" ").append(word).append(" ").append(go_type(b));
  return context.fail(std::move(message));
}

// Go's integers wrap around.
std::int64_t wrap(std::uint64_t value) { return static_cast<std::int64_t>(value); }
std::uint64_t bits(const Value& value) { return static_cast<std::uint64_t>(value.as_int()); }

bool both(const Value& a, const Value& b, Kind kind) { return a.is(kind) && b.is(kind); }

/// Whether a map may have such a key: texts only, but for what groupBy and fromPairs make.
bool is_key_of(const Value& map, const Value& key) {
  const bool texts = map.as_map().empty() || map.as_map()[0].first.is(Kind::String);
  return !texts || key.is(Kind::String) || key.is_nil();
}

Value time_plus(const Value& time, std::int64_t ns) { return Value::time(time.as_time().plus(ns)); }

}  // namespace

bool equal(const Value& a, const Value& b) {
  if (a.kind() == b.kind() && a.is(Kind::Array)) {
    return std::ranges::equal(a.as_array(), b.as_array(), equal);
  }
  if (a.kind() != b.kind() && a.is_number() && b.is_number()) return a.to_double() == b.to_double();
  return deep_equal(a, b);
}

bool deep_equal(const Value& a, const Value& b) {
  if (a.kind() != b.kind()) return false;
  switch (a.kind()) {
    case Kind::Nil:
      return true;
    case Kind::Float:
      return a.as_float() == b.as_float();
    case Kind::String:
    case Kind::Bytes:
      return a.as_text() == b.as_text();
    case Kind::Array:
      return std::ranges::equal(a.as_array(), b.as_array(), deep_equal);
    case Kind::Map:
      return std::ranges::equal(a.as_map(), b.as_map(), [](const auto& x, const auto& y) {
        return deep_equal(x.first, y.first) && deep_equal(x.second, y.second);
      });
    case Kind::Time:
      return a.as_time() == b.as_time();
    case Kind::Zone:
      return a.as_zone().name() == b.as_zone().name();
    default:
      return a.as_int() == b.as_int();
  }
}

std::size_t weight(const Value& value) { return static_cast<std::size_t>(value.expanded()); }

bool less(const Value& a, const Value& b, std::string_view word, Context& context) {
  if (both(a, b, Kind::Int) || both(a, b, Kind::Duration)) return a.as_int() < b.as_int();
  if (a.is_number() && b.is_number()) return a.to_double() < b.to_double();
  if (both(a, b, Kind::String)) return a.as_text() < b.as_text();
  if (both(a, b, Kind::Time)) return a.as_time() < b.as_time();
  // The operands stand the other way round for > and <=, which are made of this.
  const bool swapped = word == ">" || word == "<=";
  invalid(word, swapped ? b : a, swapped ? a : b, context);
  return false;
}

Value add(const Value& a, const Value& b, Context& context) {
  if (both(a, b, Kind::Int)) return Value::integer(wrap(bits(a) + bits(b)));
  if (a.is_number() && b.is_number()) return Value::number(a.to_double() + b.to_double());
  if (both(a, b, Kind::String)) {
    if (!context.spend_text(a.as_text().size() + b.as_text().size())) return {};
    std::string sum;
    sum.reserve(a.as_text().size() + b.as_text().size());
    return Value::text(std::move(sum.append(a.as_text()).append(b.as_text())));
  }
  if (a.is(Kind::Time) && b.is(Kind::Duration)) return time_plus(a, b.as_int());
  if (a.is(Kind::Duration) && b.is(Kind::Time)) return time_plus(b, a.as_int());
  if (both(a, b, Kind::Duration)) return Value::duration(wrap(bits(a) + bits(b)));
  return invalid("+", a, b, context);
}

Value subtract(const Value& a, const Value& b, Context& context) {
  if (both(a, b, Kind::Int)) return Value::integer(wrap(bits(a) - bits(b)));
  if (a.is_number() && b.is_number()) return Value::number(a.to_double() - b.to_double());
  if (both(a, b, Kind::Time)) return Value::duration(a.as_time().since(b.as_time()));
  if (a.is(Kind::Time) && b.is(Kind::Duration)) return time_plus(a, wrap(0 - bits(b)));
  if (both(a, b, Kind::Duration)) return Value::duration(wrap(bits(a) - bits(b)));
  return invalid("-", a, b, context);
}

Value multiply(const Value& a, const Value& b, Context& context) {
  if (both(a, b, Kind::Int)) return Value::integer(wrap(bits(a) * bits(b)));
  if (a.is_number() && b.is_number()) return Value::number(a.to_double() * b.to_double());
  const bool duration = a.is(Kind::Duration) || b.is(Kind::Duration);
  const bool integers = !a.is(Kind::Float) && !b.is(Kind::Float);
  if (duration && (a.is_number() || a.is(Kind::Duration)) &&
      (b.is_number() || b.is(Kind::Duration))) {
    if (integers) return Value::duration(wrap(bits(a) * bits(b)));
    const auto number = [](const Value& v) {
      return v.is(Kind::Float) ? v.as_float() : static_cast<double>(v.as_int());
    };
    return Value::number(number(a) * number(b));
  }
  return invalid("*", a, b, context);
}

Value divide(const Value& a, const Value& b, Context& context) {
  if (a.is_number() && b.is_number()) return Value::number(a.to_double() / b.to_double());
  return invalid("/", a, b, context);
}

Value modulo(const Value& a, const Value& b, Context& context) {
  if (!both(a, b, Kind::Int)) return invalid("%", a, b, context);
  if (b.as_int() == 0) return context.fail("runtime error: integer divide by zero");
  if (b.as_int() == -1) return Value::integer(0);  // the smallest one overflows
  return Value::integer(a.as_int() % b.as_int());
}

Value exponent(const Value& a, const Value& b, Context& context) {
  if (a.is_number() && b.is_number()) return Value::number(std::pow(a.to_double(), b.to_double()));
  const Value& wrong = a.is_number() ? b : a;
  return context.fail("invalid operation: float(" + std::string(go_type(wrong)) + ")");
}

Value negate(const Value& value, Context& context) {
  if (value.is(Kind::Int)) return Value::integer(wrap(0 - bits(value)));
  if (value.is(Kind::Float)) return Value::number(-value.as_float());
  return context.fail("invalid operation: - " + std::string(go_type(value)));
}

Value range(const Value& from, const Value& to, Context& context) {
  const std::int64_t first = to_int(from, context);
  const std::int64_t last = to_int(to, context);
  if (context.failed()) return {};
  if (last < first) return Value::array({});
  const std::uint64_t size =
      static_cast<std::uint64_t>(last) - static_cast<std::uint64_t>(first) + 1;
  if (size == 0 || !context.spend_elements(size)) return context.fail("memory budget exceeded");
  Array items;
  items.reserve(size);
  for (std::uint64_t i = 0; i < size; ++i) {
    items.push_back(Value::integer(wrap(static_cast<std::uint64_t>(first) + i)));
  }
  return Value::array(std::move(items));
}

bool contains(const Value& needle, const Value& haystack, Context& context) {
  switch (haystack.kind()) {
    case Kind::Nil:
      return false;
    case Kind::Array:
      for (const Value& item : haystack.as_array()) {
        if (!context.spend_steps(weight(item))) return false;
        if (equal(item, needle)) return true;
      }
      return false;
    case Kind::Map:
      if (is_key_of(haystack, needle)) return haystack.find(needle) != nullptr;
      context.fail("cannot use " + std::string(go_type(needle)) + " as a key of " +
                   std::string(go_type(haystack)));
      return false;
    default:
      context.fail("operator \"in\" not defined on " + std::string(go_type(haystack)));
      return false;
  }
}

Value fetch(const Value& from, const Value& property, Context& context) {
  const auto cannot = [&] {
    return context.fail("cannot fetch " + print(property) + " from " + std::string(go_type(from)));
  };
  switch (from.kind()) {
    case Kind::Map: {
      if (!is_key_of(from, property)) return cannot();
      const Value* found = from.find(property.is_nil() ? Value::borrowed("") : property);
      return found == nullptr ? Value() : *found;
    }
    case Kind::Array:
    case Kind::String:
    case Kind::Bytes: {
      if (!property.is_number()) return cannot();
      const auto length = static_cast<std::int64_t>(from.is(Kind::Array) ? from.as_array().size()
                                                                         : from.as_text().size());
      std::int64_t index = to_int(property, context);
      if (index < 0) index += length;
      if (index < 0 || index >= length) {
        return context.fail("index out of range: " + std::to_string(index) + " (array length is " +
                            std::to_string(length) + ")");
      }
      if (from.is(Kind::Array)) return from.as_array()[static_cast<std::size_t>(index)];
      return Value::integer(
          static_cast<unsigned char>(from.as_text()[static_cast<std::size_t>(index)]));
    }
    default:
      return cannot();
  }
}

Value slice(const Value& from, const Value* begin, const Value* end, Context& context) {
  const bool text = from.is(Kind::String) || from.is(Kind::Bytes);
  if (!text && !from.is(Kind::Array)) {
    return context.fail("cannot slice " + std::string(go_type(from)));
  }
  const auto length =
      static_cast<std::int64_t>(text ? from.as_text().size() : from.as_array().size());
  std::int64_t a = begin == nullptr ? 0 : to_int(*begin, context);
  std::int64_t b = end == nullptr ? length : to_int(*end, context);
  if (context.failed()) return {};
  if (a < 0) a = std::max<std::int64_t>(a + length, 0);
  if (b < 0) b = std::max<std::int64_t>(b + length, 0);
  b = std::min(b, length);
  a = std::min(a, b);
  const auto first = static_cast<std::size_t>(a);
  const auto count = static_cast<std::size_t>(b - a);
  if (text) {
    if (!context.spend_text(count)) return {};
    std::string part(from.as_text().substr(first, count));
    return from.is(Kind::String) ? Value::text(std::move(part)) : Value::bytes(std::move(part));
  }
  if (!context.spend_elements(count)) return {};
  const Array& items = from.as_array();
  return Value::array(Array(items.begin() + a, items.begin() + b));
}

std::int64_t truncate(double number) {
  constexpr double kLimit = 9223372036854775808.0;  // 2^63
  if (number >= -kLimit && number < kLimit) return static_cast<std::int64_t>(number);
  return std::numeric_limits<std::int64_t>::min();
}

std::int64_t to_int(const Value& value, Context& context) {
  if (value.is(Kind::Int)) return value.as_int();
  if (value.is(Kind::Float)) return truncate(value.as_float());
  context.fail("invalid operation: int(" + std::string(go_type(value)) + ")");
  return 0;
}

}  // namespace gantry::workflow::expr
