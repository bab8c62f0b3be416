#include "cli/render/workflow_list.h"

#include <algorithm>
#include <tuple>

#include "cli/render/age.h"
#include "cli/render/status.h"
#include "cli/render/table.h"

namespace gantry::cli {
namespace {

/// Pods: pending/running/completed.
std::string pod_counts(const Json& workflow) {
  int pending = 0, running = 0, completed = 0;
  const Json& nodes = at(workflow, {"status", "nodes"});
  if (nodes.is_object()) {
    for (const Json& node : nodes) {
      if (text_at(node, {"type"}) != "Pod") continue;
      std::string phase = text_at(node, {"phase"});
      ++(fulfilled(phase) ? completed : phase == "Running" ? running : pending);
    }
  }
  return std::to_string(pending) + "/" + std::to_string(running) + "/" + std::to_string(completed);
}

std::string parameter_text(const Json& workflow) {
  constexpr std::size_t kLongest = 50, kTail = 15, kDots = 3;
  std::string out;
  for (const Json& parameter : at(workflow, {"spec", "arguments", "parameters"})) {
    if (at(parameter, {"value"}).is_null()) continue;
    std::string value = flatten(text_at(parameter, {"value"}));
    if (value.size() > kLongest) {
      value =
          value.substr(0, kLongest - kDots - kTail) + "..." + value.substr(value.size() - kTail);
      value = flatten(value);  // a cut may have gone through a character
    }
    if (!out.empty()) out += ",";
    out += text_at(parameter, {"name"}) + "=" + value;
  }
  return out;
}

}  // namespace

void sort_workflows(std::vector<Json>& workflows) {
  struct Key {
    bool ended;
    Time time;
  };
  std::vector<std::pair<Key, std::size_t>> order;
  for (std::size_t i = 0; i < workflows.size(); ++i) {
    auto ended = time_at(workflows[i], {"status", "finishedAt"});
    auto created = time_at(workflows[i], {"metadata", "creationTimestamp"});
    order.push_back({{ended.has_value(), ended.value_or(created.value_or(Time{}))}, i});
  }
  std::stable_sort(order.begin(), order.end(), [](const auto& a, const auto& b) {
    if (a.first.ended != b.first.ended) return !a.first.ended;
    return a.first.time > b.first.time;
  });
  std::vector<Json> sorted;
  sorted.reserve(workflows.size());
  for (const auto& [key, i] : order) sorted.push_back(std::move(workflows[i]));
  workflows = std::move(sorted);
}

std::string workflow_list(const std::vector<Json>& workflows, const ListOptions& options,
                          Time now) {
  Table table(3);
  if (options.headers) {
    std::vector<std::string> header;
    if (options.with_namespace) header.emplace_back("NAMESPACE");
    for (const char* name : {"NAME", "STATUS", "AGE", "DURATION", "PRIORITY", "MESSAGE"}) {
      header.emplace_back(name);
    }
    if (options.wide) header.insert(header.end(), {"P/R/C", "PARAMETERS"});
    table.row(std::move(header));
  }
  for (const Json& workflow : workflows) {
    std::vector<std::string> cells;
    if (options.with_namespace) cells.push_back(text_at(workflow, {"metadata", "namespace"}));
    std::string priority = text_at(workflow, {"spec", "priority"});
    cells.push_back(text_at(workflow, {"metadata", "name"}));
    cells.push_back(workflow_status(workflow));
    cells.push_back(
        short_duration(time_at(workflow, {"metadata", "creationTimestamp"}), std::nullopt, now));
    cells.push_back(short_duration(time_at(workflow, {"status", "startedAt"}),
                                   time_at(workflow, {"status", "finishedAt"}), now));
    cells.push_back(priority.empty() ? "0" : priority);
    cells.push_back(flatten(text_at(workflow, {"status", "message"})));
    if (options.wide) {
      cells.push_back(pod_counts(workflow));
      cells.push_back(parameter_text(workflow));
    }
    table.row(std::move(cells));
  }
  return table.text();
}

}  // namespace gantry::cli
