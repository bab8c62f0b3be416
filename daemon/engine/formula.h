#pragma once

// Expressions that stand alone in a field: hooks, retries, outputs.

#include "workflow/expr/expression.h"
#include "workflow/plan.h"
#include "workflow/text.h"

namespace gantry::engine {

/// The formula, parsed; its tags are replaced first.
Result<workflow::expr::Expression> expression_of(const workflow::Formula& formula, const workflow::Scope& scope);
Result<workflow::expr::Value> evaluate(const workflow::Formula& formula, const workflow::Scope& scope);
Result<bool> evaluate_bool(const workflow::Formula& formula, const workflow::Scope& scope);

}  // namespace gantry::engine
