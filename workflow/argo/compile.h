#pragma once

#include <unordered_map>
#include <vector>

#include "workflow/argo/libraries.h"
#include "workflow/argo/spec.h"
#include "workflow/parse.h"

namespace gantry::workflow::argo {

/// The templates that a workflow can reach, its own and those of others, and what each written call and hook means.
struct Resolution {
  std::vector<const Template*> templates;
  /// By the address of a Call or LifecycleHook.
  std::unordered_map<const void*, const Template*> callees;
};

/// Checks a Workflow as Argo does at submission, and compiles it. Argo's own wording and paths
/// (`templates.main.steps[0].a …`) are kept where users know them (argo-workflows
/// workflow/validate). Linear in the size of the workflow. Returns null when there was an error;
/// all that can be found are in `diagnostics`.
PlanPtr compile(const Workflow& workflow, const Options& options, Libraries& libraries,
                Resolution& resolution, Diagnostics& diagnostics);

}  // namespace gantry::workflow::argo
