#pragma once

// What must come out of a plan, computed the simple way: one template after the other, nothing at the same time.

#include <functional>
#include <map>
#include <string>

#include "workflow/plan.h"

namespace gantry::testing {

/// Full node name → phase, for every node of a run that is left alone.
using Phases = std::map<std::string, workflow::Phase>;
/// How the pod of a node ends: Succeeded, Failed or Error.
using Ending = std::function<workflow::Phase(const std::string& node_name)>;

Phases expected_phases(const workflow::Plan& plan, const std::string& run_name, const Ending& ending);

}  // namespace gantry::testing
