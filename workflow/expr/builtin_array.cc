#include <algorithm>
#include <array>
#include <string>

#include "workflow/expr/builtins.h"
#include "workflow/expr/format.h"
#include "workflow/expr/operators.h"
#include "workflow/expr/sorting.h"

namespace gantry::workflow::expr::builtins {
namespace {

Value list_of(Array items, Context& context) {
  return context.spend_elements(items.size()) ? Value::array(std::move(items)) : Value();
}

bool flatten_into(const Array& from, Array& to, Context& context) {
  for (const Value& item : from) {
    if (!context.spend_steps(1)) return false;
    if (item.is(Kind::Array)) {
      if (!flatten_into(item.as_array(), to, context)) return false;
    } else {
      to.push_back(item);
    }
  }
  return true;
}

}  // namespace

Value first(Arguments args, Context& context) {
  const Value number = Value::integer(0);
  return args[0].is(Kind::Map) ? Value() : get(std::array{args[0], number}, context);
}
Value last(Arguments args, Context& context) {
  const Value number = Value::integer(-1);
  return args[0].is(Kind::Map) ? Value() : get(std::array{args[0], number}, context);
}

/// Like a[b], but nil where that fails.
Value get(Arguments args, Context& context) {
  const Value& from = args[0];
  if (from.is(Kind::Map)) return fetch(from, args[1], context);
  const bool list = from.is(Kind::Array) || from.is(Kind::String) || from.is(Kind::Bytes);
  if (!list) return {};
  const auto size = static_cast<std::int64_t>(from.is(Kind::Array) ? from.as_array().size()
                                                                   : from.as_text().size());
  const std::int64_t index = expr::to_int(args[1], context);
  if (context.failed() || index >= size || index < -size) return {};
  return fetch(from, args[1], context);
}

Value take(Arguments args, Context& context) {
  const Array& items = args[0].as_array();
  const std::int64_t n = args[1].as_int();
  if (n < 0) return context.fail("reflect.Value.Slice: slice index out of bounds");
  const auto count = std::min(items.size(), static_cast<std::size_t>(n));
  return list_of(Array(items.begin(), items.begin() + static_cast<std::ptrdiff_t>(count)), context);
}

Value keys(Arguments args, Context& context) {
  Array out;
  for (const auto& [key, value] : args[0].as_map()) out.push_back(key);
  return list_of(std::move(out), context);
}
Value values(Arguments args, Context& context) {
  Array out;
  for (const auto& [key, value] : args[0].as_map()) out.push_back(value);
  return list_of(std::move(out), context);
}
Value to_pairs(Arguments args, Context& context) {
  Array out;
  for (const auto& [key, value] : args[0].as_map()) out.push_back(Value::array({key, value}));
  return list_of(std::move(out), context);
}
Value from_pairs(Arguments args, Context& context) {
  if (!context.spend_elements(args[0].as_array().size())) return {};
  Map out;
  for (const Value& pair : args[0].as_array()) {
    if (!pair.is(Kind::Array)) return context.fail("invalid pair " + print(pair));
    const Array& both = pair.as_array();
    if (both.size() != 2) return context.fail("invalid pair length " + print(pair));
    if (both[0].is(Kind::Array) || both[0].is(Kind::Map) || both[0].is(Kind::Bytes)) {
      return context.fail("runtime error: hash of unhashable type " +
                          std::string(go_type(both[0])));
    }
    out.emplace_back(both[0], both[1]);
  }
  return Value::map(std::move(out));
}

Value reverse(Arguments args, Context& context) {
  const Array& items = args[0].as_array();
  return list_of(Array(items.rbegin(), items.rend()), context);
}

Value uniq(Arguments args, Context& context) {
  Array out;
  for (const Value& item : args[0].as_array()) {
    if (!context.spend_steps(out.size() * weight(item) + 1)) return {};
    if (std::ranges::none_of(out, [&](const Value& seen) { return equal(item, seen); }))
      out.push_back(item);
  }
  return list_of(std::move(out), context);
}

Value concat(Arguments args, Context& context) {
  Array out;
  for (const Value& list : args) {
    if (!context.spend_elements(list.as_array().size())) return {};
    out.insert(out.end(), list.as_array().begin(), list.as_array().end());
  }
  return Value::array(std::move(out));
}

Value flatten(Arguments args, Context& context) {
  Array out;
  if (!flatten_into(args[0].as_array(), out, context)) return {};
  return list_of(std::move(out), context);
}

Value sort(Arguments args, Context& context) {
  bool descending = false;
  if (args.size() > 1) {
    const std::string_view order = args[1].as_text();
    descending = order == "desc";
    if (!descending && order != "asc") {
      return context.fail("invalid order " + std::string(order) + ", expected asc or desc");
    }
  }
  const Array& items = args[0].as_array();
  if (!context.spend_elements(items.size())) return {};
  return sorted(items, items, descending, context);
}

}  // namespace gantry::workflow::expr::builtins
