#pragma once

// podSpecPatch of a call's pod, ready to be laid over it.

#include <optional>

#include "daemon/engine/scope.h"
#include "workflow/pod_patch.h"

namespace gantry::engine {

/// The workflow's patch with the template's over it, variables replaced; nothing when there is neither.
Result<std::optional<workflow::PodPatch>> pod_patch_of(const Live& live, const Call& call, const CallScope& scope);

}  // namespace gantry::engine
