#pragma once

// A stored run compiled again: after a restart, and when it is retried. Pure; a worker thread may
// do it.

#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "daemon/engine/run.h"
#include "daemon/store.h"
#include "workflow/parse.h"

namespace gantry {

/// Compiles the run's spec with the templates that it was compiled with first, whatever has become
/// of them since. `parameters` override its arguments; spec_json then has them. Errors:
/// InvalidArgument, the first thing that is wrong.
Result<workflow::Compiled> compile_stored(
    const engine::RunInfo& info, const RunOrigin& origin, const workflow::Limits& limits,
    std::vector<std::pair<std::string, std::string>> parameters = {});

}  // namespace gantry
