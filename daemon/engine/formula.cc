#include "daemon/engine/formula.h"

namespace gantry::engine {

namespace expr = workflow::expr;

/// A scope's variables as an expression asks for them.
class ScopeNames final : public expr::Names {
 public:
  explicit ScopeNames(const workflow::Scope& scope) : scope_(scope) {}

  [[nodiscard]] std::optional<expr::Value> find(std::string_view name) const override {
    if (auto value = scope_.lookup(name)) return expr::Value::text(std::move(*value));
    if (scope_.is_absent(name)) return expr::Value();
    return std::nullopt;
  }
  [[nodiscard]] bool has_below(std::string_view name) const override { return scope_.has_below(name); }
  void for_each_below(std::string_view name,
                      const std::function<void(std::string_view, expr::Value)>& visit) const override {
    scope_.for_each_below(name, [&](std::string_view below, std::optional<std::string> value) {
      visit(below, value ? expr::Value::text(std::move(*value)) : expr::Value());
    });
  }

 private:
  const workflow::Scope& scope_;
};

Result<expr::Expression> expression_of(const workflow::Formula& formula, const workflow::Scope& scope) {
  if (!formula.text) return formula.parsed;
  auto text = formula.text->render(scope);
  if (!text) return fail(text.error());
  return expr::Expression::parse(*text);
}

Result<expr::Value> evaluate(const workflow::Formula& formula, const workflow::Scope& scope) {
  auto expression = expression_of(formula, scope);
  if (!expression) return fail(expression.error());
  return expression->evaluate(ScopeNames(scope), scope.facts());
}

Result<bool> evaluate_bool(const workflow::Formula& formula, const workflow::Scope& scope) {
  auto expression = expression_of(formula, scope);
  if (!expression) return fail(expression.error());
  return expression->evaluate_bool(ScopeNames(scope), scope.facts());
}

}  // namespace gantry::engine
