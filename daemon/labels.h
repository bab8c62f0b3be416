#pragma once

// Labels of a run, and selectors on them (Kubernetes' grammar, apimachinery/pkg/labels).

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "api/backend.h"
#include "daemon/engine/run.h"

namespace gantry {

/// Labels that the daemon sets; clients such as `argo list --running` filter by them only.
inline constexpr std::string_view kPhaseLabel = "workflows.argoproj.io/phase";
inline constexpr std::string_view kCompletedLabel = "workflows.argoproj.io/completed";

/// The user's labels with the daemon's own.
std::map<std::string, std::string> all_labels(const engine::RunInfo& info,
                                              const engine::RunStatus& status);

/// Every term holds. An absent key satisfies NotIn and NotExists.
bool matches(const std::vector<api::LabelTerm>& terms,
             const std::map<std::string, std::string>& labels);

}  // namespace gantry
