#pragma once

#include <string>

#include "workflow/plan.h"

namespace gantry::workflow {

/// A plan as a text for people: what is empty or default is left out. For golden files; the form is
/// nobody's contract.
std::string dump(const Plan& plan);

}  // namespace gantry::workflow
