#pragma once

#include "workflow/argo/spec.h"
#include "workflow/parse.h"

namespace gantry::workflow::argo {

/// The metadata of a Workflow, checked as Kubernetes checks it: names are parts of paths, container
/// ids and labels later, so nothing else gets through.
Metadata metadata(const Workflow& workflow, Diagnostics& diagnostics);

}  // namespace gantry::workflow::argo
