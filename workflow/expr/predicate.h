#pragma once

// Internal to evaluator.cc: the functions that call a part of the expression for each element
// (expr-lang compiler/compiler.go, BuiltinNode).

#include <string_view>

#include "workflow/expr/context.h"
#include "workflow/expr/program.h"

namespace gantry::workflow::expr {

/// What # and its like mean in a predicate.
struct Scope {
  const Array* items = nullptr;
  std::size_t index = 0;
  Value accumulator;

  [[nodiscard]] const Value& item() const { return (*items)[index]; }
};

/// The evaluator, as the functions below see it.
class PredicateBody {
 public:
  virtual ~PredicateBody() = default;
  virtual Value call(const Scope& scope, NodeIndex body) = 0;
  virtual Value argument(NodeIndex node) = 0;
};

/// `name` is one of kPredicates; `body` and `third` may be kNoNode.
Value evaluate_predicate(std::string_view name, NodeIndex array, NodeIndex body, NodeIndex third,
                         PredicateBody& evaluator, Context& context);

}  // namespace gantry::workflow::expr
