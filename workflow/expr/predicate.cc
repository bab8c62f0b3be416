#include "workflow/expr/predicate.h"

#include <algorithm>

#include "workflow/expr/operators.h"
#include "workflow/expr/sorting.h"

namespace gantry::workflow::expr {
namespace {

class Predicate {
 public:
  Predicate(std::string_view name, NodeIndex body, NodeIndex third, PredicateBody& evaluator,
            Context& context)
      : name_(name), body_(body), third_(third), evaluator_(evaluator), context_(context) {}

  Value run(const Value& array) {
    scope_.items = &array.as_array();
    const std::size_t size = scope_.items->size();
    if (name_ == "all" || name_ == "none" || name_ == "any") {
      const bool wanted = name_ != "all";  // what decides before the end
      for (std::size_t i = 0; i < size; ++i) {
        const bool holds = test(i);
        if (context_.failed()) return {};
        if (holds == wanted) return Value::boolean(name_ == "any");
      }
      return Value::boolean(name_ != "any");
    }
    if (name_ == "one" || name_ == "count") {
      std::int64_t count = 0;
      for (std::size_t i = 0; i < size && !context_.failed(); ++i) count += test(i) ? 1 : 0;
      return name_ == "one" ? Value::boolean(count == 1) : Value::integer(count);
    }
    if (name_ == "filter") {
      Array kept;
      for (std::size_t i = 0; i < size && !context_.failed(); ++i) {
        if (test(i)) kept.push_back((*scope_.items)[i]);
      }
      return context_.spend_elements(kept.size()) ? Value::array(std::move(kept)) : Value();
    }
    if (name_ == "map") {
      if (!context_.spend_elements(size)) return {};
      Array made;
      made.reserve(size);
      for (std::size_t i = 0; i < size && !context_.failed(); ++i) made.push_back(value(i));
      return Value::array(std::move(made));
    }
    if (name_ == "sum") {
      Value sum = Value::integer(0);
      for (std::size_t i = 0; i < size && !context_.failed(); ++i) sum = add(value(i), sum);
      return sum;
    }
    if (name_.starts_with("find")) return find(size);
    if (name_ == "groupBy") return group(size);
    if (name_ == "sortBy") return sort(size);
    return reduce(size);
  }

 private:
  /// The predicate's value for an element; without a predicate, the element.
  Value value(std::size_t i) {
    scope_.index = i;
    if (!context_.spend_steps(1)) return {};
    return body_ == kNoNode ? scope_.item() : evaluator_.call(scope_, body_);
  }
  bool test(std::size_t i) {
    const Value result = value(i);
    if (context_.failed()) return false;
    if (result.is(Kind::Bool)) return result.as_bool();
    context_.fail("interface conversion: interface {} is " +
                  std::string(result.is_nil() ? "nil" : go_type(result)) + ", not bool");
    return false;
  }
  Value add(const Value& a, const Value& b) {
    return context_.failed() ? Value() : expr::add(a, b, context_);
  }

  Value find(std::size_t size) {
    const bool last = name_.starts_with("findLast");
    for (std::size_t n = 0; n < size; ++n) {
      const std::size_t i = last ? size - 1 - n : n;
      const bool holds = test(i);
      if (context_.failed()) return {};
      if (holds) {
        return name_.ends_with("Index") ? Value::integer(static_cast<std::int64_t>(i))
                                        : (*scope_.items)[i];
      }
    }
    return {};
  }

  Value group(std::size_t size) {
    if (!context_.spend_elements(size)) return {};
    std::vector<std::pair<Value, std::size_t>> keys;
    for (std::size_t i = 0; i < size; ++i) {
      Value key = value(i).owned();
      if (context_.failed()) return {};
      if (key.is(Kind::Array) || key.is(Kind::Map) || key.is(Kind::Bytes)) {
        return context_.fail("cannot use " + std::string(go_type(key)) +
                             " as a key for groupBy: type is not comparable");
      }
      keys.emplace_back(std::move(key), i);
    }
    std::ranges::stable_sort(
        keys, [](const auto& a, const auto& b) { return key_less(a.first, b.first); });
    Map groups;
    for (std::size_t begin = 0; begin < keys.size();) {
      Array members;
      std::size_t end = begin;
      for (; end < keys.size() && !key_less(keys[begin].first, keys[end].first); ++end) {
        members.push_back((*scope_.items)[keys[end].second]);
      }
      groups.emplace_back(keys[begin].first, Value::array(std::move(members)));
      begin = end;
    }
    return Value::map(std::move(groups));
  }

  Value sort(std::size_t size) {
    bool descending = false;
    if (third_ != kNoNode) {
      const Value order = evaluator_.argument(third_);
      if (context_.failed()) return {};
      if (!order.is(Kind::String)) return context_.fail("sortBy order argument must be a string");
      descending = order.as_text() == "desc";
      if (!descending && order.as_text() != "asc") {
        return context_.fail("unknown order, use asc or desc");
      }
    }
    if (!context_.spend_elements(size)) return {};
    Array keys;
    for (std::size_t i = 0; i < size; ++i) {
      keys.push_back(value(i).owned());
      if (context_.failed()) return {};
    }
    return sorted(*scope_.items, keys, descending, context_);
  }

  Value reduce(std::size_t size) {
    std::size_t first = 0;
    if (third_ != kNoNode) {
      scope_.accumulator = evaluator_.argument(third_);
    } else if (size == 0) {
      return context_.fail("reduce of empty array with no initial value");
    } else {
      scope_.accumulator = (*scope_.items)[first++];
    }
    for (std::size_t i = first; i < size && !context_.failed(); ++i) scope_.accumulator = value(i);
    return scope_.accumulator;
  }

  std::string_view name_;
  NodeIndex body_;
  NodeIndex third_;
  PredicateBody& evaluator_;
  Context& context_;
  Scope scope_;
};

}  // namespace

Value evaluate_predicate(std::string_view name, NodeIndex array, NodeIndex body, NodeIndex third,
                         PredicateBody& evaluator, Context& context) {
  const Value value = evaluator.argument(array);
  if (context.failed()) return {};
  if (!value.is(Kind::Array)) {
    return context.fail("builtin " + std::string(name) + " takes only array (got " +
                        std::string(go_type(value)) + ")");
  }
  return Predicate(name, body, third, evaluator, context).run(value);
}

}  // namespace gantry::workflow::expr
