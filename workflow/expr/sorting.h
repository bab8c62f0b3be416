#pragma once

#include "workflow/expr/context.h"
#include "workflow/expr/value.h"

namespace gantry::workflow::expr {

/// `items` in the order of their `keys` (as many), by `<`; equal ones keep their order (Go's sort
/// does not promise that). Fails when keys cannot be compared.
Value sorted(const Array& items, const Array& keys, bool descending, Context& context);

}  // namespace gantry::workflow::expr
