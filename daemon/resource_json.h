#pragma once

// Resources as Argo's clients see them. Pure.

#include "api/backend.h"
#include "daemon/resource.h"

namespace gantry {

/// The whole object; a CronWorkflow with its status, and with the label and the annotation that
/// Argo's controller sets.
api::Json resource_json(const Resource& resource);

}  // namespace gantry
