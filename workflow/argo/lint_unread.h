#pragma once

#include "workflow/diagnostic.h"
#include "workflow/document.h"

namespace gantry::workflow::argo {

/// What `argo lint` finds in the fields of a workflow's spec that Gantry does not read: resource templates, resources of
/// pods, metrics, podGC (argo-workflows workflow/validate/validate.go).
void lint_unread(const Node& spec, Diagnostics& diagnostics);

}  // namespace gantry::workflow::argo
