#pragma once

// Internal to json_path*.cc: the expressions in filters and scripts (evilmonkeyinc/jsonpath
// script/standard).

#include "workflow/expr/json_path.h"

namespace gantry::workflow::expr::json_path {

/// Immutable once compiled.
class Script {
 public:
  static Result<std::shared_ptr<const Script>> compile(std::string_view source, int depth);

  /// `@` is `current`. Texts that a path finds come in single quotes, as upstream compares them.
  [[nodiscard]] Result<Value> evaluate(const Value& root, const Value& current,
                                       Context& context) const;

 private:
  enum class Op : std::uint8_t {
    Operand,
    Path,
    Or,
    And,
    Equal,
    NotEqual,
    LessOrEqual,
    MoreOrEqual,
    Less,
    More,
    Regexp,
    Not,
    Add,
    Subtract,
    Power,
    Multiply,
    Divide,
    Modulo,
    NotIn,
    In
  };
  struct Operator {
    std::string_view word;
    Op op;
  };
  static const std::vector<Operator>& operators();
  static Result<std::shared_ptr<const Script>> build(std::string_view source, std::size_t from,
                                                     int depth);
  [[nodiscard]] Result<double> number(const Value& root, const Value& current,
                                      Context& context) const;
  [[nodiscard]] Result<bool> boolean(const Value& root, const Value& current,
                                     Context& context) const;
  [[nodiscard]] Result<std::string> text(const Value& root, const Value& current,
                                         Context& context) const;
  [[nodiscard]] Result<bool> is_member(const Value& root, const Value& current,
                                       Context& context) const;

  Op op_ = Op::Operand;
  Value operand_;  ///< Operand: as it is written, or a JSON array or map
  Steps steps_;    ///< Path
  std::shared_ptr<const Script> left_, right_;
};

}  // namespace gantry::workflow::expr::json_path
