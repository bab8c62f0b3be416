#include "workflow/expr/sorting.h"

#include <algorithm>
#include <numeric>

#include "workflow/expr/operators.h"

namespace gantry::workflow::expr {

Value sorted(const Array& items, const Array& keys, bool descending, Context& context) {
  // std::sort needs an order, so what cannot be compared is found before.
  for (std::size_t i = 1; i < keys.size(); ++i) {
    less(keys[0], keys[i], "<", context);
    if (context.failed()) return {};
  }
  if (!context.spend_steps(keys.size() * 16)) return {};
  // NaN is less than nothing and nothing is less than it, which is no order: it goes first.
  const auto before = [&](std::size_t a, std::size_t b) {
    const auto nan = [](const Value& v) {
      return v.is(Kind::Float) && v.as_float() != v.as_float();
    };
    const Value& x = keys[descending ? b : a];
    const Value& y = keys[descending ? a : b];
    if (nan(x) || nan(y)) return nan(x) && !nan(y);
    return less(x, y, "<", context);
  };
  std::vector<std::size_t> order(items.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, before);
  Array out;
  out.reserve(items.size());
  for (const std::size_t i : order) out.push_back(items[i]);
  return Value::array(std::move(out));
}

}  // namespace gantry::workflow::expr
