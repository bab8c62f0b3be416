#include "cli/render/resource_view.h"

#include "cli/render/age.h"
#include "cli/render/table.h"
#include "cli/session.h"
#include "workflow/cron.h"

namespace gantry::cli {
namespace {

/// `%-20s %v` and its like.
void put(std::string& out, std::size_t width, std::string label, const std::string& value) {
  if (label.size() < width) label.resize(width, ' ');
  out += label + " " + value + "\n";
}

std::string when(std::optional<Time> time) { return time ? timestamp(*time, wall_clock()) : ""; }

std::string schedules_of(const Json& cron) {
  std::string list;
  for (const Json& schedule : at(cron, {"spec", "schedules"})) {
    list += (list.empty() ? "" : ",") + (schedule.is_string() ? schedule.get<std::string>() : "");
  }
  return list;
}

bool is_suspended(const Json& cron) { return at(cron, {"spec", "suspend"}) == true; }

/// When it will be due, whether it is suspended or not, as argo has it; nothing when a schedule
/// cannot be read.
std::optional<Time> next_run(const Json& cron) {
  const std::string name = text_at(cron, {"spec", "timezone"});
  auto zone = name.empty() ? Result<workflow::TimeZone>(workflow::TimeZone::local())
                           : workflow::TimeZone::find(name);
  if (!zone) return std::nullopt;
  std::optional<Time> first;
  for (const Json& text : at(cron, {"spec", "schedules"})) {
    if (!text.is_string()) return std::nullopt;
    auto schedule = workflow::CronSchedule::parse(text.get_ref<const std::string&>());
    if (!schedule) return std::nullopt;
    auto next = schedule->next(wall_clock(), *zone);
    if (next && (!first || *next < *first)) first = next;
  }
  return first;
}

std::string age(std::optional<Time> since) {
  return since ? short_duration(since, std::nullopt, wall_clock()) : "N/A";
}

}  // namespace

std::string template_view(const Json& object) {
  std::string out;
  put(out, 20, "Name:", text_at(object, {"metadata", "name"}));
  put(out, 20, "Namespace:", text_at(object, {"metadata", "namespace"}));
  put(out, 20, "Created:", when(time_at(object, {"metadata", "creationTimestamp"})));
  return out;
}

std::string template_table(const std::vector<Json>& objects, bool with_namespace) {
  Table table(3);
  auto row = [&](std::string name_space, std::string name) {
    if (with_namespace) return table.row({std::move(name_space), std::move(name)});
    table.row({std::move(name)});
  };
  row("NAMESPACE", "NAME");
  for (const Json& object : objects) {
    row(text_at(object, {"metadata", "namespace"}), text_at(object, {"metadata", "name"}));
  }
  return table.text();
}

std::string cron_view(const Json& cron) {
  constexpr std::size_t kWidth = 30;
  std::string out;
  auto line = [&](const char* label, const std::string& value) { put(out, kWidth, label, value); };
  auto optional = [&](const char* label, const std::string& value) {
    if (!value.empty()) line(label, value);
  };
  line("Name:", text_at(cron, {"metadata", "name"}));
  line("Namespace:", text_at(cron, {"metadata", "namespace"}));
  line("Created:", when(time_at(cron, {"metadata", "creationTimestamp"})));
  line("Schedules:", schedules_of(cron));
  line("Suspended:", is_suspended(cron) ? "true" : "false");
  optional("Timezone:", text_at(cron, {"spec", "timezone"}));
  optional("StartingDeadlineSeconds:", text_at(cron, {"spec", "startingDeadlineSeconds"}));
  optional("ConcurrencyPolicy:", text_at(cron, {"spec", "concurrencyPolicy"}));
  optional("LastScheduledTime:", when(time_at(cron, {"status", "lastScheduledTime"})));
  optional("NextScheduledTime:", when(next_run(cron)));
  std::string active;
  for (const Json& reference : at(cron, {"status", "active"})) {
    active += (active.empty() ? "" : ", ") + text_at(reference, {"name"});
  }
  optional("Active Workflows:", active);
  const Json& conditions = at(cron, {"status", "conditions"});
  if (!conditions.empty()) {
    line("Conditions:", "");
    for (const Json& condition : conditions) {
      const std::string type = text_at(condition, {"type"});
      put(out, kWidth, (type == "SubmissionError" ? "✖ " : "  ") + type,
          text_at(condition, {"message"}));
    }
  }
  const Json& parameters = at(cron, {"spec", "workflowSpec", "arguments", "parameters"});
  if (!parameters.empty()) {
    line("Workflow Parameters:", "");
    for (const Json& parameter : parameters) {
      if (parameter.is_object() && parameter.contains("value")) {
        put(out, kWidth, "  " + text_at(parameter, {"name"}) + ":", text_at(parameter, {"value"}));
      }
    }
  }
  return out;
}

std::string cron_table(const std::vector<Json>& crons, bool with_namespace) {
  Table table(3);
  auto row = [&](std::vector<std::string> cells) {
    if (!with_namespace) cells.erase(cells.begin());
    table.row(std::move(cells));
  };
  row({"NAMESPACE", "NAME", "AGE", "LAST RUN", "NEXT RUN", "SCHEDULES", "TIMEZONE", "SUSPENDED"});
  for (const Json& cron : crons) {
    auto next = next_run(cron);
    row({text_at(cron, {"metadata", "namespace"}), text_at(cron, {"metadata", "name"}),
         age(time_at(cron, {"metadata", "creationTimestamp"})),
         age(time_at(cron, {"status", "lastScheduledTime"})),
         next ? short_duration(*next - wall_clock()) : "N/A", schedules_of(cron),
         text_at(cron, {"spec", "timezone"}), is_suspended(cron) ? "true" : "false"});
  }
  return table.text();
}

}  // namespace gantry::cli
