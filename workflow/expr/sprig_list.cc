#include <algorithm>

#include "workflow/expr/operators.h"
#include "workflow/expr/sprig.h"

namespace gantry::workflow::expr::sprig {
namespace {

/// Whether `list` holds what is deeply equal; charged for. False after an error.
bool holds(const Array& list, const Value& wanted, Context& context) {
  if (!context.spend_steps(list.size() * weight(wanted) + 1)) return false;
  return std::ranges::any_of(list, [&](const Value& item) { return deep_equal(item, wanted); });
}

Value slice_out_of_bounds(Context& context) {
  return context.fail("reflect.Value.Slice: slice index out of bounds");
}

}  // namespace

Value list(Arguments args, Context& context) {
  return list_of(Array(args.begin(), args.end()), context);
}
Value append(Arguments args, Context& context) {
  Array out = args[0].as_array();
  out.push_back(args[1]);
  return list_of(std::move(out), context);
}
Value prepend(Arguments args, Context& context) {
  Array out = {args[1]};
  out.insert(out.end(), args[0].as_array().begin(), args[0].as_array().end());
  return list_of(std::move(out), context);
}
Value first(Arguments args, Context&) {
  return args[0].as_array().empty() ? Value() : args[0].as_array().front();
}
Value last(Arguments args, Context&) {
  return args[0].as_array().empty() ? Value() : args[0].as_array().back();
}
Value rest(Arguments args, Context& context) {
  const Array& items = args[0].as_array();
  return items.empty() ? Value() : list_of(Array(items.begin() + 1, items.end()), context);
}
Value initial(Arguments args, Context& context) {
  const Array& items = args[0].as_array();
  return items.empty() ? Value() : list_of(Array(items.begin(), items.end() - 1), context);
}
Value reverse(Arguments args, Context& context) {
  const Array& items = args[0].as_array();
  return list_of(Array(items.rbegin(), items.rend()), context);
}
Value uniq(Arguments args, Context& context) {
  Array out;
  for (const Value& item : args[0].as_array()) {
    if (!holds(out, item, context)) out.push_back(item);
    if (context.failed()) return {};
  }
  return list_of(std::move(out), context);
}
Value without(Arguments args, Context& context) {
  const Array omitted(args.begin() + 1, args.end());
  Array out;
  for (const Value& item : args[0].as_array()) {
    if (!holds(omitted, item, context)) out.push_back(item);
    if (context.failed()) return {};
  }
  return list_of(std::move(out), context);
}
Value has(Arguments args, Context& context) {
  if (args[1].is_nil()) return Value::boolean(false);
  if (!args[1].is(Kind::Array)) {
    return context.fail("Cannot find has on type " + std::string(go_type(args[1])));
  }
  return Value::boolean(holds(args[1].as_array(), args[0], context));
}
Value slice(Arguments args, Context& context) {
  const Array& items = args[0].as_array();
  if (items.empty()) return {};
  const auto size = static_cast<std::int64_t>(items.size());
  const std::int64_t from = args.size() > 1 ? cast_int(args[1]) : 0;
  const std::int64_t to = args.size() > 2 ? cast_int(args[2]) : size;
  if (from < 0 || to < from || to > size) return slice_out_of_bounds(context);
  return list_of(Array(items.begin() + from, items.begin() + to), context);
}
Value concat(Arguments args, Context& context) {
  Array out;
  for (const Value& list : args) {
    if (!context.spend_elements(list.as_array().size())) return {};
    out.insert(out.end(), list.as_array().begin(), list.as_array().end());
  }
  return Value::array(std::move(out));
}
Value chunk(Arguments args, Context& context) {
  const std::int64_t size = args[0].as_int();
  const Array& items = args[1].as_array();
  if (size <= 0) return context.fail("runtime error: makeslice: len out of range");
  Array out;
  for (std::size_t at = 0; at < items.size();) {
    const std::size_t count = std::min(items.size() - at, static_cast<std::size_t>(size));
    const auto from = items.begin() + static_cast<std::ptrdiff_t>(at);
    out.push_back(list_of(Array(from, from + static_cast<std::ptrdiff_t>(count)), context));
    if (context.failed()) return {};
    at += count;
  }
  return list_of(std::move(out), context);
}
Value compact(Arguments args, Context& context) {
  Array out;
  for (const Value& item : args[0].as_array()) {
    if (!is_empty(item)) out.push_back(item);
  }
  return list_of(std::move(out), context);
}

}  // namespace gantry::workflow::expr::sprig
