#pragma once

// What has become of a CronWorkflow so far (argo-workflows pkg/apis/workflow/v1alpha1
// CronWorkflowStatus), and its texts: the store's and the API's. Pure.

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"

namespace gantry::cron {

/// Set on the CronWorkflow once it runs with a schedule, as Argo's controller does.
inline constexpr std::string_view kLastUsedSchedule =
    "cronworkflows.argoproj.io/last-used-schedule";
inline constexpr std::string_view kCronCompletedLabel =
    "workflows.argoproj.io/cron-workflow-completed";

struct Status {
  struct Ref {
    std::string uid, name;
    bool operator==(const Ref&) const = default;
  };
  struct Condition {
    std::string type;  ///< SpecError, SubmissionError
    std::string message;
    bool operator==(const Condition&) const = default;
  };
  std::vector<Ref> active;             ///< runs that are not over
  std::optional<Time> last_scheduled;  ///< the newest time that a run was created for
  bool started = false;                ///< phase Active: it has run
  bool stopped = false;                ///< phase Stopped: stopStrategy said so
  std::int64_t succeeded = 0, failed = 0;
  std::vector<Condition> conditions;

  // Not shown as status.
  std::string last_used_schedule;  ///< CronSpec::schedule_text() of the last due time
  std::string schedule;            ///< the schedules that `since` belongs to
  Time since{};                    ///< when they were first seen: where `@every` counts from

  void set(std::string_view type, std::string message);
  void clear(std::string_view type);
  bool operator==(const Status&) const = default;
};

/// The store's form, all of it. What cannot be read is as new.
std::string to_text(const Status& status);
Status read_status(const std::string& text);

/// Argo's `status`.
nlohmann::json status_json(const Status& status, const std::string& name_space);

}  // namespace gantry::cron
