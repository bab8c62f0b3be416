#pragma once

// `gantry retry`: what stays of a run that is over when it goes on. Pure.
//
// The rules are those of argo-workflows workflow/util FormulateRetryWorkflow: failed pods go, with all that came after
// them; the nodes that enclose them are Running again; what is fulfilled stays; the exit handler goes whatever became of
// it. A failed node after which something succeeded (continueOn, `depends: a.Failed`) stays.
//
// Where it goes further than upstream, so that a retry does something and what it leaves can go on:
//   * Suspend nodes, and tasks that could not be resolved, run again too when they failed;
//   * a graph that failed although none of its nodes did (its outputs, `stop` between two steps) is Running again;
//   * an exit hook that succeeded after a failed step does not keep that step, nor does a container of a set that failed;
//   * the group around a step whose hook runs again is Running again;
//   * of several attempts that are graphs themselves, the last one goes on and the others stay as they are;
//   * daemons of a graph that goes on are started again.

#include <functional>
#include <string>
#include <vector>

#include "base/error.h"
#include "daemon/engine/run.h"

namespace gantry::engine {

struct RetryRequest {
  bool restart_successful = false;
  /// With restart_successful: further nodes that run again, with all that came after them. Null: none.
  std::function<bool(const Node&)> selected;
  bool new_parameters = false;  ///< loops are expanded anew, with all their items
};

/// What the next life of the run begins with; Engine::retry() takes it.
struct RetriedRun {
  RunStatus status;
  std::vector<Node> nodes;           ///< in order of creation
  std::vector<std::string> changed;  ///< ids of those among `nodes` that differ from what was
  std::vector<Node> deleted;
};

/// InvalidArgument, in upstream's words, when a run of that phase cannot be retried.
Result<void> check_retry(RunPhase phase, const RetryRequest& request);

/// `nodes` in order of creation. Errors: those of check_retry().
Result<RetriedRun> retry_run(const RunInfo& info, const workflow::Plan& plan, const RunStatus& status,
                             std::vector<Node> nodes, const RetryRequest& request, Time now);

}  // namespace gantry::engine
