#pragma once

#include "workflow/argo/spec.h"
#include "workflow/parse.h"

namespace gantry::workflow::argo {

/// The metadata of a Workflow, checked as Kubernetes checks it: names are parts of paths, container
/// ids and labels later, so nothing else gets through. In a lint, what Argo's lint does not look at is a warning.
Metadata metadata(const Workflow& workflow, bool lint, Diagnostics& diagnostics);

}  // namespace gantry::workflow::argo
