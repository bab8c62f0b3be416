#pragma once

#include "workflow/argo/spec.h"
#include "workflow/parse.h"

namespace gantry::workflow::argo {

/// Checks a Workflow as Argo does at submission, and compiles it. Argo's own wording and paths
/// (`templates.main.steps[0].a …`) are kept where users know them (argo-workflows
/// workflow/validate). Linear in the size of the workflow. Returns null when there was an error;
/// all that can be found are in `diagnostics`.
PlanPtr compile(const Workflow& workflow, const Options& options, Diagnostics& diagnostics);

}  // namespace gantry::workflow::argo
