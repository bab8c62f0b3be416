#pragma once

// The first header of the expression language: expr-lang v1.17.8 as argo-workflows uses it in
// `{{=…}}` tags, retryStrategy.expression, hooks and the like.
//
//   lexer.h parser.h program.h   source → nodes in an array (constants folded, paths joined)
//   evaluator.h operators.h      nodes → value, under budgets
//   value.h format.h             Go's values; %v and JSON
//   function.h functions*.cc     the table of functions: built-ins, Argo's, sprig's
//   facts.h                      what comes from outside: variables, the time, randomness
//
// Differences from Go, on purpose:
//   * Types are looked at when a value is there, not before: `1 + "a"` fails when it is evaluated,
//   and
//     `int(x) == "1"` is false (expr-lang refuses both when it compiles).
//   * Maps are in the order of their keys wherever Go's are in none (keys, values, toPairs).
//   * One integer type and one float type (value.h).
//   * A missing variable is an error only when the evaluation comes to it.
//   * Evaluation has budgets (context.h) for steps as well as for memory.

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"
#include "workflow/expr/context.h"
#include "workflow/expr/facts.h"
#include "workflow/expr/value.h"

namespace gantry::workflow::expr {

struct Program;

struct Evaluation {
  /// What a member that is not there gives (`steps.a.outputs.nothing`): nil, or FailedPrecondition
  /// with `X is missing`, unless `??` or `?.` guards it. An unknown first name is NotFound always.
  enum class Missing : std::uint8_t { Nil, Error };
  Missing missing = Missing::Nil;
  Budget budget;
};

/// An expression, parsed once. Immutable; copied freely; any thread.
class Expression {
 public:
  /// Linear in the length of the source. Fails with InvalidArgument and a message that ends in the
  /// position, `unexpected token EOF (1:4)`: line and column, counted in characters from 1. Where
  /// `offset` is given, it gets the position in bytes.
  static Result<Expression> parse(std::string_view source, std::size_t* offset = nullptr);

  [[nodiscard]] const std::string& source() const;

  /// The value, which owns its texts. Errors end in the position, too: NotFound for `unknown name x
  /// (1:1)`, FailedPrecondition for `x.y is missing (1:1)`, InvalidArgument for everything else.
  [[nodiscard]] Result<Value> evaluate(const Names& names, const Facts& facts,
                                       const Evaluation& how = {}) const;
  /// As util/expr/argoexpr EvalBool: the value must be a boolean. InvalidArgument with `unable to
  /// cast expression result 'x' to bool` when it is none.
  [[nodiscard]] Result<bool> evaluate_bool(const Names& names, const Facts& facts,
                                           const Evaluation& how = {}) const;

  struct PathUse {
    std::string_view name;   ///< "inputs.parameters.x"; of a chain with a computed part: up to it
    bool guarded = false;    ///< behind `??` or `?.`: may be missing
    std::size_t offset = 0;  ///< in the source, in bytes
  };
  /// Every chain of constant names that the expression reads; in the order of the source, with
  /// repetitions.
  void for_each_path(const std::function<void(const PathUse&)>& visit) const;

  /// Whether it depends on more than the variables: on the time or on randomness.
  [[nodiscard]] bool is_volatile() const;

 private:
  std::shared_ptr<const Program> program_;
};

/// A value as Argo puts it into a text (util/template/expression_template.go): a text as it is, an
/// instant as RFC 3339, anything else as JSON. Fails for nil, and for what has no JSON.
Result<std::string> to_text(const Value& value);

}  // namespace gantry::workflow::expr
