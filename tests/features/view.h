#pragma once

// What is seen of a run, and how it differs from what is expected.

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "daemon/engine/engine.h"
#include "tests/simulation/world.h"

namespace gantry::features {

using Json = nlohmann::json;

/// The status that users see (daemon/workflow_json.h), made easy to write by hand: nodes by full name, in place of ids
/// of other nodes their names, parameters and artifacts by name, times since `begin`.
Json view(const testing::World::StoredRun& run, Time begin);

/// A pod as it is handed to the runtime, in Kubernetes' words.
Json view(const engine::PreparePod& pod);

/// Every way in which `seen` is not as expected. Maps: what is expected must be there. Lists: equal; under `children`
/// and `outboundNodes` in any order. `<id of NAME>` in an expected text is the id of that node of the run, `<hash of NAME>`
/// the number in it.
std::vector<std::string> differences(const Json& expected, const Json& seen, const std::string& run);

/// The lines that a feature file has for the nodes of a run, to be read and judged.
std::string story(const Json& seen);

}  // namespace gantry::features
