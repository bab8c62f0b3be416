#pragma once

// Internal to expression.cc and parser.cc: walks over a Program's nodes.

#include <optional>
#include <string>

#include "workflow/expr/context.h"
#include "workflow/expr/expression.h"
#include "workflow/expr/program.h"

namespace gantry::workflow::expr {

/// The value of a node whose children are constants; nothing when it fails or gets large.
std::optional<Value> evaluate_constant(const Program& program, NodeIndex node);

/// The value of the whole, owned.
Result<Value> evaluate_program(const Program& program, const Names& names, const Facts& facts,
                               const Evaluation& how);

}  // namespace gantry::workflow::expr
