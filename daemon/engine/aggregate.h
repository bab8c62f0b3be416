#pragma once

// What the items of a loop give together (argo-workflows workflow/controller/operator.go processAggregateNodeOutputs).

#include <optional>
#include <string>
#include <string_view>

#include "daemon/engine/call.h"

namespace gantry::engine {

/// `outputs.result`, `outputs.parameters` and `outputs.parameters.X` of a loop: JSON lists of what its Succeeded items
/// gave, in the order of the items. Nothing for other names, for a parameter that none of them gave, and for results
/// when one of them is no JSON.
std::optional<std::string> aggregated_output(const TaskRecord& record, std::string_view name);

/// Why the results of a loop cannot be put together, in the words of encoding/json; nothing when they can.
std::optional<std::string> broken_result(const TaskRecord& record);

}  // namespace gantry::engine
