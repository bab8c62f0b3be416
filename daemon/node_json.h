#pragma once

// A node as one row of the store. The keys are Argo's where Argo has the field, so that a row can
// be read by eye; the rest (`pod`, `startIntended`) is Gantry's.

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "daemon/engine/node.h"

namespace gantry {

/// Compact JSON; bytes that are not UTF-8 become U+FFFD.
std::string node_json(const engine::Node& node);
/// DataLoss when the text is not what node_json() wrote.
Result<engine::Node> node_from_json(std::string_view text);

/// Outputs alone: of a run, and of an entry of a memoization cache.
std::string node_outputs_json(const engine::NodeOutputs& outputs);
Result<engine::NodeOutputs> node_outputs_from_json(std::string_view text);

/// As users see them in a status; bytes that are not UTF-8 become U+FFFD.
nlohmann::json artifacts_json(const std::vector<engine::Artifact>& artifacts);

}  // namespace gantry
