#pragma once

// `gantry resubmit --memoized`: what a new run takes over from one that failed (argo-workflows workflow/util
// FormulateResubmitWorkflow). Pure.
//
// A pod that succeeded becomes a node of type and phase Skipped with its outputs. Everything else is made anew when it
// is its turn, by the same plan; nothing of hooks and of the exit handler is taken over, nor daemons, which have to run.
// Of a Retry node's attempts the last one is taken over, as the first of the new run.
//
// Such a node counts as a success where a loop's outputs are put together and where `depends` asks for `.Succeeded`.
// (Upstream looks at the phase alone and loses the outputs.)

#include <vector>

#include "base/error.h"
#include "daemon/engine/run.h"

namespace gantry::engine {

/// InvalidArgument, in upstream's words.
Result<void> check_memoized(RunPhase phase);

/// The nodes that the run `name` begins with; Engine::submit() gives them ids. `nodes` are those of the run `old_name`.
std::vector<Node> carry_over(const std::string& old_name, const std::vector<Node>& nodes, const std::string& name,
                             const workflow::Plan& plan, Time now);

/// Whether it is a node that carry_over() made.
bool is_carried_over(const Node& node);

}  // namespace gantry::engine
