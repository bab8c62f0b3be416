#include "workflow/expr/evaluator.h"

#include <algorithm>
#include <map>

#include "workflow/expr/format.h"
#include "workflow/expr/operators.h"
#include "workflow/expr/predicate.h"

namespace gantry::workflow::expr {
namespace {

constexpr std::uint32_t kMaxValueHeight = 1'000;
constexpr std::uint64_t kMaxValueSize = 1'100'000;  ///< a little more than the budget

class NoNames final : public Names {
 public:
  [[nodiscard]] std::optional<Value> find(std::string_view) const override { return std::nullopt; }
  [[nodiscard]] bool has_below(std::string_view) const override { return false; }
};

class Evaluator final : public PredicateBody {
 public:
  Evaluator(const Program& program, const Names& names, Context& context,
            Evaluation::Missing missing)
      : program_(program), names_(names), context_(context), missing_(missing) {
    variables_.resize(program.slots);
  }

  Value run(NodeIndex node) { return evaluate(node); }
  [[nodiscard]] std::uint32_t failed_at() const { return failed_at_; }
  [[nodiscard]] Code code() const { return code_; }

  Value call(const Scope& scope, NodeIndex body) override {
    const Scope* outer = std::exchange(scope_, &scope);
    Value value = evaluate(body);
    scope_ = outer;
    return value;
  }
  Value argument(NodeIndex node) override { return evaluate(node); }

 private:
  /// The value of a node. After an error nil, and failed_at_ tells where it was.
  Value evaluate(NodeIndex index) {
    const Node& node = program_.nodes[index];
    if (!context_.spend_steps(1)) {
      failed_at_ = node.at;
      return {};
    }
    const bool had_failed = context_.failed();
    Value value = compute(node);
    if (context_.failed()) {
      // Of the nodes that fail, one inside the other, the innermost is the first to come here.
      if (!had_failed && !located_) {
        located_ = true;
        failed_at_ = node.at;
      }
      return {};
    }
    if (value.height() > kMaxValueHeight || value.expanded() > kMaxValueSize) {
      const bool deep = value.height() > kMaxValueHeight;
      context_.fail(deep ? "value nests too deep" : "value is too large");
      located_ = true;
      failed_at_ = node.at;
      return {};
    }
    return value;
  }

  Value compute(const Node& node) {
    switch (node.op) {
      case Op::Constant: {
        const Value& constant = program_.constants[node.index];
        return constant.is(Kind::String) ? Value::borrowed(constant.as_text()) : constant;
      }
      case Op::Path:
        return path(node);
      case Op::Variable:
        return variables_[node.index];
      case Op::Item:
        return scope_->item();
      case Op::Index:
        return Value::integer(static_cast<std::int64_t>(scope_->index));
      case Op::Accumulator:
        return scope_->accumulator;
      case Op::Member:
        return member(node);
      case Op::Chain: {
        Value value = evaluate(node.a);
        if (std::exchange(broken_, false)) return {};
        return value;
      }
      case Op::Slice:
        return slice_of(node);
      case Op::Not: {
        const Value value = evaluate(node.a);
        return is_bool(value) ? Value::boolean(!value.as_bool()) : Value();
      }
      case Op::Negate: {
        const Value value = evaluate(node.a);
        return context_.failed() ? Value() : negate(value, context_);
      }
      case Op::Plus:  // of anything: upstream checks types that it knows beforehand, and then does
                      // nothing
        return evaluate(node.a);
      case Op::Or:
      case Op::And: {
        Value left = evaluate(node.a);
        if (!is_bool(left) || left.as_bool() == (node.op == Op::Or)) return left;
        return evaluate(node.b);  // whatever it is: nobody asks it for its truth here
      }
      case Op::Coalesce: {
        Value left = evaluate(node.a);
        if (context_.failed() || !left.is_nil()) return left;
        return evaluate(node.b);
      }
      case Op::MatchesPattern: {
        const Value text = evaluate(node.a);
        return matches(text, program_.patterns[node.index]);
      }
      case Op::Conditional: {
        const Value condition = evaluate(node.a);
        if (!is_bool(condition)) return {};
        return evaluate(condition.as_bool() ? node.b : node.c);
      }
      case Op::Let:
        variables_[node.index] = evaluate(node.a);
        return context_.failed() ? Value() : evaluate(node.b);
      case Op::Sequence: {
        Value last;
        for (std::uint32_t i = 0; i < node.count && !context_.failed(); ++i) last = child(node, i);
        return last;
      }
      case Op::Array:
        return array(node);
      case Op::Map:
        return map(node);
      case Op::Call:
        return call_function(node);
      case Op::Method:
        return call_method(node);
      case Op::Predicate:
        return evaluate_predicate(kPredicates[node.index], node.a, node.b, node.c, *this, context_);
      default:
        return binary(node);
    }
  }

  Value child(const Node& node, std::uint32_t i) {
    return evaluate(program_.children[node.first + i]);
  }

  Value binary(const Node& node) {
    const Value a = evaluate(node.a);
    if (context_.failed()) return {};
    const Value b = evaluate(node.b);
    if (context_.failed()) return {};
    switch (node.op) {
      case Op::Equal:
      case Op::NotEqual:
        if (a.height() > 0 && !context_.spend_steps(weight(a))) return {};
        return Value::boolean(equal(a, b) == (node.op == Op::Equal));
      case Op::Less:
        return Value::boolean(less(a, b, "<", context_));
      case Op::More:
        return Value::boolean(less(b, a, ">", context_));
      case Op::LessOrEqual:
        return Value::boolean(is_nan(a, b) ? false : !less(b, a, "<=", context_));
      case Op::MoreOrEqual:
        return Value::boolean(is_nan(a, b) ? false : !less(a, b, ">=", context_));
      case Op::In:
        return Value::boolean(contains(a, b, context_));
      case Op::Matches: {
        if (a.is_nil() || b.is_nil()) return Value::boolean(false);
        if (!b.is(Kind::String)) return not_a(b, "string");
        auto pattern = Regexp::compile(b.as_text());
        return pattern ? matches(a, *pattern) : context_.fail(pattern.error().message);
      }
      case Op::Contains:
      case Op::StartsWith:
      case Op::EndsWith: {
        if (a.is_nil() || b.is_nil()) return Value::boolean(false);
        if (!a.is(Kind::String)) return not_a(a, "string");
        if (!b.is(Kind::String)) return not_a(b, "string");
        const std::string_view text = a.as_text();
        const std::string_view part = b.as_text();
        return Value::boolean(node.op == Op::Contains ? text.find(part) != std::string_view::npos
                              : node.op == Op::StartsWith ? text.starts_with(part)
                                                          : text.ends_with(part));
      }
      case Op::Range:
        return range(a, b, context_);
      case Op::Add:
        return add(a, b, context_);
      case Op::Subtract:
        return subtract(a, b, context_);
      case Op::Multiply:
        return multiply(a, b, context_);
      case Op::Divide:
        return divide(a, b, context_);
      case Op::Modulo:
        return modulo(a, b, context_);
      default:
        return exponent(a, b, context_);
    }
  }

  static bool is_nan(const Value& a, const Value& b) {
    return a.is_number() && b.is_number() &&
           (a.to_double() != a.to_double() || b.to_double() != b.to_double());
  }

  Value matches(const Value& text, const Regexp& pattern) {
    if (context_.failed()) return {};
    if (text.is_nil()) return Value::boolean(false);
    if (!text.is(Kind::String) && !text.is(Kind::Bytes)) return not_a(text, "string");
    if (!context_.spend_steps(weight(text))) return {};
    return Value::boolean(pattern.matches(text.as_text()));
  }

  /// Go's words for a value of the wrong type.
  Value not_a(const Value& value, std::string_view wanted) {
    return context_.fail("interface conversion: interface {} is " +
                         std::string(value.is_nil() ? "nil" : go_type(value)) + ", not " +
                         std::string(wanted));
  }
  bool is_bool(const Value& value) {
    if (context_.failed()) return false;
    if (value.is(Kind::Bool)) return true;
    not_a(value, "bool");
    return false;
  }

  Value member(const Node& node) {
    const Value base = evaluate(node.a);
    if (context_.failed() || broken_) return {};
    if (node.optional && base.is_nil()) {
      broken_ = true;
      return {};
    }
    const Value property = evaluate(node.b);
    return context_.failed() ? Value() : fetch(base, property, context_);
  }

  Value slice_of(const Node& node) {
    const Value base = evaluate(node.a);
    if (context_.failed()) return {};
    const Value from = node.b == kNoNode ? Value() : evaluate(node.b);
    if (context_.failed()) return {};
    const Value to = node.c == kNoNode ? Value() : evaluate(node.c);
    if (context_.failed()) return {};
    return slice(base, node.b == kNoNode ? nullptr : &from, node.c == kNoNode ? nullptr : &to,
                 context_);
  }

  Value array(const Node& node) {
    if (!context_.spend_elements(node.count)) return {};
    Array items;
    items.reserve(node.count);
    for (std::uint32_t i = 0; i < node.count; ++i) {
      items.push_back(child(node, i));
      if (context_.failed()) return {};
    }
    return Value::array(std::move(items));
  }

  Value map(const Node& node) {
    if (!context_.spend_elements(node.count)) return {};
    Map entries;
    entries.reserve(node.count / 2);
    for (std::uint32_t i = 0; i < node.count; i += 2) {
      Value key = child(node, i);
      if (!context_.failed() && !key.is(Kind::String)) not_a(key, "string");
      if (context_.failed()) return {};
      Value value = child(node, i + 1);
      if (context_.failed()) return {};
      entries.emplace_back(std::move(key), std::move(value));
    }
    return Value::map(std::move(entries));
  }

  // Calls ---------------------------------------------------------------------------------------

  Value call_function(const Node& node) {
    Array arguments;
    if (!arguments_of(node, 0, arguments)) return {};
    return invoke(*program_.calls[node.index], arguments);
  }

  Value call_method(const Node& node) {
    Array arguments;
    if (!arguments_of(node, 0, arguments) || broken_) return {};
    const std::string_view name = program_.constants[node.index].as_text();
    const Value& receiver = arguments[0];
    if (node.optional && receiver.is_nil()) {
      broken_ = true;
      return {};
    }
    const std::string_view type = receiver.is(Kind::Time)       ? "time."
                                  : receiver.is(Kind::Duration) ? "duration."
                                  : receiver.is(Kind::Zone)     ? "zone."
                                  : receiver.is(Kind::String)   ? "semver."
                                                                : "";
    const Function* function =
        type.empty() ? nullptr : find_function(std::string(type).append(name));
    if (function == nullptr) {
      return context_.fail("type " + std::string(go_type(receiver)) + " has no method " +
                           std::string(name));
    }
    return invoke(*function, arguments);
  }

  bool arguments_of(const Node& node, std::uint32_t first, Array& arguments) {
    arguments.reserve(node.count);
    for (std::uint32_t i = first; i < node.count; ++i) {
      arguments.push_back(child(node, i));
      if (context_.failed() || broken_) return false;
    }
    return true;
  }

  Value invoke(const Function& function, const Array& arguments) {
    std::uint64_t size = 0;
    for (const Value& argument : arguments) size += argument.expanded();
    if (!context_.spend_steps(size / 4) || !check_arguments(function, arguments, context_))
      return {};
    return function.run(arguments, context_);
  }

  // Variables -----------------------------------------------------------------------------------

  Value path(const Node& node) {
    const Path& path = program_.paths[node.index];
    const auto& segments = path.segments;
    const auto name = [&](std::size_t known) {
      return std::string_view(path.dotted).substr(0, segments[known - 1].end);
    };
    // The longest name that somebody knows, then on in its value. Where a name has both a text and
    // names below it, the latter are meant.
    for (std::size_t known = segments.size(); known > 0; --known) {
      auto value = names_.find(name(known));
      if (!value) continue;
      const bool text = value->is(Kind::String) && known < segments.size();
      if (text && names_.has_below(name(known))) continue;
      return walk(node, path, known, std::move(*value));
    }
    if (segments.empty() || names_.has_below(path.dotted)) {
      Value map = expand(path);
      if (context_.failed() || !map.as_map().empty()) return map;
    }
    std::size_t known = segments.size() - (segments.empty() ? 0 : 1);
    while (known > 0 && !names_.has_below(name(known))) --known;
    if (segments.empty()) return Value::map({});
    if (known == 0 && segments[0].optional) return {};  // $env?.x
    if (known == 0) {
      if (!context_.failed()) code_ = Code::NotFound;
      return context_.fail("unknown name " + segments[0].name);
    }
    if (missing_ == Evaluation::Missing::Error && !node.guarded) return missing(path);
    return walk(node, path, known + 1, {});
  }

  Value missing(const Path& path) {
    if (!context_.failed()) code_ = Code::FailedPrecondition;
    return context_.fail(path.dotted + " is missing");
  }

  /// The members behind the first `known` names.
  Value walk(const Node& node, const Path& path, std::size_t known, Value value) {
    for (; known < path.segments.size() && !context_.failed(); ++known) {
      const Path::Segment& segment = path.segments[known];
      if (value.is_nil() && segment.optional) return {};
      if (missing_ == Evaluation::Missing::Error && !node.guarded && value.is(Kind::Map) &&
          value.find(segment.name) == nullptr) {
        return missing(path);
      }
      value = fetch(value, Value::borrowed(segment.name), context_);
      if (context_.failed()) {
        located_ = true;
        failed_at_ = segment.at;
      }
    }
    return value;
  }

  /// The names below a name as nested maps (bellows.Expand).
  Value expand(const Path& path) {
    std::vector<std::pair<std::string, Value>> found;
    names_.for_each_below(path.dotted, [&](std::string_view name, Value value) {
      name.remove_prefix(path.dotted.empty() ? 0 : path.dotted.size() + 1);
      found.emplace_back(name, value.owned());
    });
    if (!context_.spend_elements(found.size())) return {};
    std::ranges::sort(found, {}, &std::pair<std::string, Value>::first);
    // A name that has others below it is the map of those. Names that begin with it may stand
    // between them (a, a-b, a.b), so they are looked up.
    std::vector<std::pair<std::string, Value>> leaves;
    for (const auto& entry : found) {
      const std::string prefix = entry.first + ".";
      const auto next =
          std::ranges::lower_bound(found, prefix, {}, &std::pair<std::string, Value>::first);
      if (next == found.end() || !next->first.starts_with(prefix)) leaves.push_back(entry);
    }
    return nest(leaves, 0, leaves.size(), 0, 0);
  }

  /// The map of found[begin, end), whose names have their first `depth` bytes in common.
  Value nest(const std::vector<std::pair<std::string, Value>>& found, std::size_t begin,
             std::size_t end, std::size_t depth, int level) {
    if (level > 100) return context_.fail("names nest too deep");
    Map entries;
    std::map<std::string_view, std::vector<std::size_t>> groups;
    for (std::size_t i = begin; i < end; ++i) {
      const std::string_view rest = std::string_view(found[i].first).substr(depth);
      groups[rest.substr(0, rest.find('.'))].push_back(i);
    }
    for (const auto& [name, members] : groups) {
      const std::string& whole = found[members[0]].first;
      if (members.size() == 1 && whole.size() == depth + name.size()) {
        entries.emplace_back(Value::text(std::string(name)), found[members[0]].second);
        continue;
      }
      std::vector<std::pair<std::string, Value>> inner;
      for (const std::size_t i : members) inner.push_back(found[i]);
      entries.emplace_back(Value::text(std::string(name)),
                           nest(inner, 0, inner.size(), depth + name.size() + 1, level + 1));
    }
    return Value::map(std::move(entries));
  }

  const Program& program_;
  const Names& names_;
  Context& context_;
  Evaluation::Missing missing_;
  std::vector<Value> variables_;
  const Scope* scope_ = nullptr;
  bool broken_ = false;  ///< a `?.` met nil; the chain around it ends
  bool located_ = false;
  std::uint32_t failed_at_ = 0;
  Code code_ = Code::InvalidArgument;  ///< of the error
};

}  // namespace

std::optional<Value> evaluate_constant(const Program& program, NodeIndex node) {
  const NoNames names;
  const Facts facts;
  Context context(facts, {.steps = 10'000, .elements = 1'000});
  Value value = Evaluator(program, names, context, Evaluation::Missing::Nil).run(node);
  if (context.failed()) return std::nullopt;
  return value.owned();
}

Result<Value> evaluate_program(const Program& program, const Names& names, const Facts& facts,
                               const Evaluation& how) {
  Context context(facts, how.budget);
  Evaluator evaluator(program, names, context, how.missing);
  Value value = evaluator.run(program.root);
  if (context.failed()) {
    return fail(evaluator.code(),
                at_position(context.message(), program.source, evaluator.failed_at()));
  }
  return value.owned();
}

}  // namespace gantry::workflow::expr
