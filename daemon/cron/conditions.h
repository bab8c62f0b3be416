#pragma once

// The two conditions of a CronWorkflow, over `cronworkflow.*` (argo-workflows
// workflow/cron/operator.go expressionEnv): name, namespace, labels, annotations, labels.json,
// annotations.json, lastScheduledTime (nil at first), succeeded, failed. Pure.

#include "base/clock.h"
#include "base/error.h"
#include "daemon/cron/clock.h"

namespace gantry::cron {

/// `when`: its `{{…}}` replaced, then evaluated as a step's `when` is. No `when` is true.
Result<bool> should_run(const Definition& definition, const Status& status, Time now);

/// `stopStrategy.expression`; none is false.
Result<bool> should_stop(const Definition& definition, const Status& status, Time now);

}  // namespace gantry::cron
