#pragma once

// Runs as Argo's clients see them: the Workflow object (argo-workflows
// pkg/apis/workflow/v1alpha1/workflow_types.go) with its status. Pure.

#include <optional>

#include "api/backend.h"
#include "base/clock.h"
#include "daemon/engine/run.h"
#include "daemon/store.h"

namespace gantry {

/// The whole object. Without `with_nodes` status.nodes is left out; progress and conditions are
/// counted all the same.
api::Json workflow_json(const engine::Run& run, bool with_nodes = true);
/// The same for one client, with a part of status.nodes, in order of creation: `metadata.continue` and
/// `metadata.remainingItemCount` say what follows, as in Kubernetes' lists.
api::Document workflow_document(const engine::Run& run, api::NodePage page = {});
api::Document workflow_document(const StoredRun& run, api::NodePage page = {});
/// A stored run whose nodes were not loaded has no nodes, no progress and no PodRunning condition.
api::Json workflow_json(const StoredRun& run, bool with_nodes = true);
/// What was checked but does not run (dry run, lint): no status.
api::Json workflow_json(const engine::RunInfo& info);

}  // namespace gantry
