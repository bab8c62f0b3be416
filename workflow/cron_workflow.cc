#include "workflow/cron_workflow.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <functional>
#include <limits>

#include "workflow/suggestion.h"

namespace gantry::workflow {
namespace {

constexpr std::array<std::string_view, 12> kFields{"concurrencyPolicy",
                                                   "failedJobsHistoryLimit",
                                                   "schedule",
                                                   "schedules",
                                                   "startingDeadlineSeconds",
                                                   "stopStrategy",
                                                   "successfulJobsHistoryLimit",
                                                   "suspend",
                                                   "timezone",
                                                   "when",
                                                   "workflowMetadata",
                                                   "workflowSpec"};

class CronReader {
 public:
  explicit CronReader(Diagnostics& diagnostics) : diagnostics_(diagnostics) {}

  CronSpec read(const Node& root) {
    name(root);
    const Node* spec = root.find("spec");
    if (spec == nullptr || !spec->is_map()) {
      diagnostics_.error(spec == nullptr ? root.at : spec->at, "spec: a map is required");
      return std::move(out_);
    }
    for (const Node::Entry& entry : spec->entries) field(entry);
    if (spec->find("workflowSpec") == nullptr) {
      diagnostics_.error(spec->at, "spec.workflowSpec is required");
    }
    if (out_.schedules.empty() && !failed_schedule_) {
      diagnostics_.error(spec->at, "cron workflow must have at least one schedule");
    }
    return std::move(out_);
  }

 private:
  void name(const Node& root) {
    const Node* metadata = root.find("metadata");
    const Node* name = metadata != nullptr && metadata->is_map() ? metadata->find("name") : nullptr;
    if (name == nullptr || !name->is_scalar() || name->text.size() <= kLongestCronName) return;
    diagnostics_.error(name->at, "cron workflow name \"" + std::string(name->text) +
                                     "\" must not be more than 52 characters long (currently " +
                                     std::to_string(name->text.size()) + ")");
  }

  void field(const Node::Entry& entry) {
    const Node& value = *entry.value;
    if (std::find(kFields.begin(), kFields.end(), entry.key) == kFields.end()) {
      diagnostics_.error(entry.at, "unknown field '" + std::string(entry.key) + "'" +
                                       did_you_mean(entry.key, kFields));
      return;
    }
    if (value.is_null() || entry.key == "workflowSpec") return;
    if (entry.key == "schedules") {
      schedules(value);
    } else if (entry.key == "schedule") {
      failed_schedule_ = true;
      diagnostics_.error(entry.at,
                         "spec.schedule was removed in Argo Workflows 4: write schedules: "
                         "[\"" +
                             std::string(value.is_scalar() ? value.text : "…") + "\"]");
    } else if (entry.key == "timezone") {
      text(value, "timezone", out_.timezone);
      auto zone = TimeZone::find(out_.timezone);
      if (zone && !out_.timezone.empty()) {
        out_.zone = *zone;
      } else if (!zone) {
        diagnostics_.error(value.at,
                           "invalid timezone \"" + out_.timezone + "\": " + zone.error().message);
      }
    } else if (entry.key == "concurrencyPolicy") {
      concurrency(value);
    } else if (entry.key == "startingDeadlineSeconds") {
      auto seconds = integer(value, entry.key, std::numeric_limits<std::int64_t>::max());
      if (seconds && *seconds < 0) {
        diagnostics_.error(value.at, "startingDeadlineSeconds must be positive");
      }
      out_.starting_deadline_seconds = seconds;
    } else if (entry.key == "successfulJobsHistoryLimit") {
      limit(value, entry.key, out_.successful_jobs_history_limit);
    } else if (entry.key == "failedJobsHistoryLimit") {
      limit(value, entry.key, out_.failed_jobs_history_limit);
    } else if (entry.key == "suspend") {
      if (!value.is_scalar() || value.type != ScalarType::Bool) {
        return wrong(value, entry.key, "true or false");
      }
      out_.suspend = value.text == "true";
    } else if (entry.key == "when") {
      text(value, "when", out_.when);
    } else if (entry.key == "stopStrategy") {
      stop_strategy(value);
    } else if (entry.key == "workflowMetadata") {
      workflow_metadata(value);
    }
  }

  void schedules(const Node& list) {
    if (!list.is_sequence()) return wrong(list, "schedules", "a list");
    for (const Node* item : list.items) {
      failed_schedule_ = true;
      if (!item->is_scalar() || item->is_null()) {
        wrong(*item, "schedules", "a list of texts");
        continue;
      }
      auto parsed = CronSchedule::parse(item->text);
      if (!parsed) {
        diagnostics_.error(item->at, "cron schedule " + std::string(item->text) +
                                         " is malformed: " + parsed.error().message);
        continue;
      }
      out_.schedules.emplace_back(item->text);
      out_.parsed.push_back(*parsed);
    }
  }

  void concurrency(const Node& value) {
    static constexpr std::array<std::string_view, 3> kPolicies{"Allow", "Forbid", "Replace"};
    const auto known = std::find(kPolicies.begin(), kPolicies.end(), value.text);
    if (value.is_scalar() && value.text.empty()) return;
    if (!value.is_scalar() || known == kPolicies.end()) {
      diagnostics_.error(value.at, "'" + std::string(value.is_scalar() ? value.text : "…") +
                                       "' is not a valid concurrencyPolicy");
      return;
    }
    out_.concurrency = static_cast<ConcurrencyPolicy>(known - kPolicies.begin());
  }

  /// A negative limit counts as none given (enforceHistoryLimit).
  void limit(const Node& value, std::string_view field, std::int64_t& out) {
    auto number = integer(value, field, std::numeric_limits<std::int32_t>::max());
    if (number && *number >= 0) out = *number;
  }

  void stop_strategy(const Node& value) {
    static constexpr std::array<std::string_view, 1> kOnly{"expression"};
    if (!value.is_map()) return wrong(value, "stopStrategy", "a map");
    for (const Node::Entry& entry : value.entries) {
      if (entry.key == "expression") {
        text(*entry.value, "stopStrategy.expression", out_.stop_expression);
      } else {
        diagnostics_.error(entry.at, "unknown field '" + std::string(entry.key) + "'" +
                                         did_you_mean(entry.key, kOnly));
      }
    }
  }

  void workflow_metadata(const Node& value) {
    if (!value.is_map()) return wrong(value, "workflowMetadata", "a map");
    for (const Node::Entry& entry : value.entries) {
      if (entry.value->is_null()) continue;
      if (entry.key == "labels") {
        texts(*entry.value, "workflowMetadata.labels", out_.labels);
      } else if (entry.key == "annotations") {
        texts(*entry.value, "workflowMetadata.annotations", out_.annotations);
      } else if (entry.key != "finalizers") {  // nothing holds an object here
        diagnostics_.error(entry.at,
                           "not supported: workflowMetadata." + std::string(entry.key) +
                               " (a scheduled workflow takes labels and annotations from it)");
      }
    }
  }

  void texts(const Node& value, std::string_view field, std::map<std::string, std::string>& out) {
    if (!value.is_map()) return wrong(value, field, "a map of texts");
    for (const Node::Entry& entry : value.entries) {
      text(*entry.value, std::string(field) + "." + std::string(entry.key),
           out[std::string(entry.key)]);
    }
  }

  void text(const Node& value, std::string_view field, std::string& out) {
    if (!value.is_scalar()) return wrong(value, field, "a text");
    out = value.text;
  }

  std::optional<std::int64_t> integer(const Node& value, std::string_view field,
                                      std::int64_t most) {
    std::int64_t number = 0;
    const char* end = value.text.data() + value.text.size();
    const auto parsed = std::from_chars(value.text.data(), end, number);
    if (value.is_scalar() && value.type == ScalarType::Integer && parsed.ec == std::errc() &&
        parsed.ptr == end && number <= most) {
      return number;
    }
    wrong(value, field, "a whole number");
    return std::nullopt;
  }

  void wrong(const Node& value, std::string_view field, std::string_view wanted) {
    diagnostics_.error(value.at, "spec." + std::string(field) + ": wanted " + std::string(wanted) +
                                     ", found " + std::string(kind_name(value)));
  }

  Diagnostics& diagnostics_;
  CronSpec out_{.zone = TimeZone::local()};
  bool failed_schedule_ = false;  ///< a schedule was given, so none is missing
};

}  // namespace

std::string CronSpec::schedule_text() const {
  std::string text;
  for (const std::string& schedule : schedules) {
    if (!text.empty()) text += ',';
    if (!timezone.empty()) text += "CRON_TZ=" + timezone + " ";
    text += schedule;
  }
  return text;
}

std::optional<Time> CronSpec::next(Time after) const {
  std::optional<Time> first;
  for (const CronSchedule& schedule : parsed) {
    const auto at = schedule.next(after, zone);
    if (at && (!first || *at < *first)) first = at;
  }
  return first;
}

CronSpec read_cron_spec(const Node& root, Diagnostics& diagnostics) {
  return CronReader(diagnostics).read(root);
}

}  // namespace gantry::workflow
