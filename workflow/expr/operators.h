#pragma once

// Internal to evaluator.cc and functions*: the operators on values (expr-lang vm/runtime). Those
// that can fail take the context and return nil (or false) after Context::fail.

#include <cstdint>
#include <string_view>

#include "workflow/expr/context.h"
#include "workflow/expr/value.h"

namespace gantry::workflow::expr {

/// `==`: numbers across int and float, arrays member by member, nil equals nil only.
bool equal(const Value& a, const Value& b);
/// Go's reflect.DeepEqual: no conversion of numbers.
bool deep_equal(const Value& a, const Value& b);
/// The nodes that a comparison may look at: what it is charged with.
std::size_t weight(const Value& value);

/// `<` of numbers, texts, instants and durations; `word` is the operator for the message.
bool less(const Value& a, const Value& b, std::string_view word, Context& context);

Value add(const Value& a, const Value& b, Context& context);
Value subtract(const Value& a, const Value& b, Context& context);
Value multiply(const Value& a, const Value& b, Context& context);
Value divide(const Value& a, const Value& b, Context& context);
Value modulo(const Value& a, const Value& b, Context& context);
Value exponent(const Value& a, const Value& b, Context& context);
Value negate(const Value& value, Context& context);
Value range(const Value& from, const Value& to, Context& context);
bool contains(const Value& needle, const Value& haystack, Context& context);  ///< `in`

/// from[property] (runtime.Fetch).
Value fetch(const Value& from, const Value& property, Context& context);
/// from[begin:end]; nil for what is not given.
Value slice(const Value& from, const Value* begin, const Value* end, Context& context);

/// A number as an integer (runtime.ToInt: floats are cut off); anything else fails.
std::int64_t to_int(const Value& value, Context& context);
/// Go's conversion on amd64: out of range gives the smallest integer.
std::int64_t truncate(double number);

}  // namespace gantry::workflow::expr
