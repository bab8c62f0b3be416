#pragma once

// What a CronWorkflow says about when and how often its workflow runs: its spec without
// `workflowSpec` (argo-workflows pkg/apis/workflow/v1alpha1/cron_workflow_types.go).

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "workflow/cron.h"
#include "workflow/diagnostic.h"
#include "workflow/document.h"

namespace gantry::workflow {

enum class ConcurrencyPolicy : std::uint8_t { Allow, Forbid, Replace };

/// Longest name of a CronWorkflow: `-1615836720` behind it still makes a workflow's name.
inline constexpr std::size_t kLongestCronName = 52;

struct CronSpec {
  std::vector<std::string> schedules;  ///< as written
  std::vector<CronSchedule> parsed;    ///< the same
  std::string timezone;                ///< as written; "": the host's
  TimeZone zone;
  ConcurrencyPolicy concurrency = ConcurrencyPolicy::Allow;
  std::optional<std::int64_t> starting_deadline_seconds;
  std::int64_t successful_jobs_history_limit = 3;
  std::int64_t failed_jobs_history_limit = 1;
  bool suspend = false;
  std::string stop_expression;  ///< stopStrategy.expression; "": none
  std::string when;
  std::map<std::string, std::string> labels;       ///< of workflowMetadata
  std::map<std::string, std::string> annotations;  ///< of workflowMetadata

  /// The schedules with their time zone in one text: whether two specs mean the same times
  /// (GetScheduleWithTimezoneString).
  [[nodiscard]] std::string schedule_text() const;
  /// The first time after `after` that one of the schedules names.
  [[nodiscard]] std::optional<Time> next(Time after) const;
};

/// Reads `metadata.name` and `spec` of a CronWorkflow's tree, but not `spec.workflowSpec`, and
/// checks them as Argo does (workflow/validate ValidateCronWorkflow, whose words the errors are).
/// What is wrong goes to `diagnostics`; then the result must not be used.
CronSpec read_cron_spec(const Node& root, Diagnostics& diagnostics);

}  // namespace gantry::workflow
