#include "cli/render/workflow_view.h"

#include <algorithm>

#include "cli/render/age.h"
#include "cli/render/status.h"
#include "cli/render/table.h"
#include "cli/render/tree.h"

namespace gantry::cli {
namespace {

/// `%-20s %v`
std::string line(std::string_view key, std::string_view value) {
  std::string out(key);
  out.append(std::max(0, 20 - visible_runes(key)), ' ');
  return out + " " + std::string(value) + "\n";
}

/// `1s*(1 cpu),2s*(100Mi memory)`, sorted by resource.
std::string resources_duration(const Json& durations) {
  std::string out;
  if (!durations.is_object()) return out;
  for (const auto& [resource, seconds] : durations.items()) {
    if (!seconds.is_number()) continue;
    const char* unit = resource == "memory"              ? "100Mi "
                       : resource == "storage"           ? "10Gi "
                       : resource == "ephemeral-storage" ? "10Gi "
                                                         : "1 ";
    if (!out.empty()) out += ",";
    auto total = std::chrono::seconds(seconds.get<std::int64_t>());
    // Go prints a Duration of seconds: 1h2m3s, without leading zero units.
    std::string text;
    auto hours = total / std::chrono::hours(1);
    auto minutes = total % std::chrono::hours(1) / std::chrono::minutes(1);
    if (hours > 0) text += std::to_string(hours) + "h";
    if (hours > 0 || minutes > 0) text += std::to_string(minutes) + "m";
    text += std::to_string((total % std::chrono::minutes(1)).count()) + "s";
    out += text + "*(" + unit + resource + ")";
  }
  return out;
}

std::string conditions(const Json& list, const Terminal& terminal) {
  if (!list.is_array() || list.empty()) return {};
  std::string out = line("Conditions:", "");
  for (const Json& condition : list) {
    std::string type = text_at(condition, {"type"});
    std::string icon;
    if (type == "MetricsError") icon = phase_icon(terminal.utf8 ? "Failed" : "Error", terminal);
    if (type == "SpecWarning") {
      icon = paint(terminal.utf8 ? "⚠" : "Warning", Color::Yellow, terminal.color);
    }
    std::string message = flatten(text_at(condition, {"message"}));
    if (message.empty()) message = text_at(condition, {"status"});
    out += line(icon + " " + type, message);
  }
  return out;
}

/// `Parameters:` and one line for each that has a value.
std::string parameters(std::string_view title, const Json& list) {
  if (!list.is_array() || list.empty()) return {};
  std::string out = line(title, "");
  for (const Json& parameter : list) {
    if (at(parameter, {"value"}).is_null()) continue;
    out += line("  " + text_at(parameter, {"name"}) + ":", text_at(parameter, {"value"}));
  }
  return out;
}

std::string artifacts(const Json& node) {
  std::string out;
  for (const Json& artifact : at(node, {"outputs", "artifacts"})) {
    if (!out.empty()) out += ",";
    out += text_at(artifact, {"name"});
  }
  return out;
}

}  // namespace

std::string node_table(const Json& workflow, const ViewOptions& options, const Terminal& terminal,
                       Time now) {
  Tree tree = node_tree(workflow, {.utf8 = terminal.utf8, .status = options.status});
  const Json& nodes = at(workflow, {"status", "nodes"});
  std::string name = text_at(workflow, {"metadata", "name"});
  if (!nodes.is_object() || !nodes.contains(name)) return {};

  using Detail = ViewOptions::Detail;
  Table table(2);
  std::vector<std::string> header{"STEP", "TEMPLATE", "PODNAME", "DURATION"};
  if (options.detail == Detail::Wide) header.emplace_back("ARTIFACTS");
  header.emplace_back("MESSAGE");
  if (options.detail == Detail::Wide) header.emplace_back("RESOURCESDURATION");
  if (options.detail != Detail::Default) header.emplace_back("NODENAME");
  table.row(header);

  auto add = [&](const TreeRow& row) {
    const Json& node = *row.node;
    bool pod = text_at(node, {"type"}) == "Pod";
    std::vector<std::string> cells{
        row.prefix + node_icon(node, terminal) + " " + flatten(text_at(node, {"displayName"})),
        node_template(node), pod ? pod_name(name, node) : "",
        pod ? short_duration(time_at(node, {"startedAt"}), time_at(node, {"finishedAt"}), now)
            : ""};
    if (options.detail == Detail::Wide) cells.push_back(artifacts(node));
    cells.push_back(flatten(text_at(node, {"message"})));
    if (options.detail == Detail::Wide) {
      cells.push_back(resources_duration(at(node, {"resourcesDuration"})));
    }
    cells.push_back(pod && options.detail != Detail::Default ? text_at(node, {"hostNodeName"})
                                                             : "");
    table.row(std::move(cells));
  };
  for (const TreeRow& row : tree.main) add(row);
  if (!tree.on_exit.empty()) {
    table.row(std::vector<std::string>(6));
    for (const TreeRow& row : tree.on_exit) add(row);
  }
  return table.text(/*trim=*/terminal.interactive);
}

std::string workflow_view(const Json& workflow, const ViewOptions& options,
                          const Terminal& terminal, Time now) {
  std::string table = node_table(workflow, options, terminal, now);
  if (options.detail == ViewOptions::Detail::Short && !table.empty()) return table;

  const Json& status = at(workflow, {"status"});
  std::string out = line("Name:", text_at(workflow, {"metadata", "name"}));
  out += line("Namespace:", text_at(workflow, {"metadata", "namespace"}));
  std::string account = text_at(workflow, {"spec", "serviceAccountName"});
  if (account.empty()) {
    account = at(workflow, {"spec", "workflowTemplateRef"}).is_null()
                  ? "unset (will run with the default ServiceAccount)"
                  : "unset";
  }
  out += line("ServiceAccount:", account);
  out += line("Status:", workflow_status(workflow));
  if (std::string message = text_at(status, {"message"}); !message.empty()) {
    out += line("Message:", flatten(message));
  }
  out += conditions(at(status, {"conditions"}), terminal);
  auto created = time_at(workflow, {"metadata", "creationTimestamp"});
  auto started = time_at(status, {"startedAt"}), ended = time_at(status, {"finishedAt"});
  out += line("Created:", created ? timestamp(*created, now) : "-");
  if (started) out += line("Started:", timestamp(*started, now));
  if (ended) out += line("Finished:", timestamp(*ended, now));
  if (started) out += line("Duration:", long_duration(ended.value_or(now) - *started));
  const Json& estimate = at(status, {"estimatedDuration"});
  if (text_at(status, {"phase"}) == "Running" && estimate.is_number() && estimate > 0) {
    out += line("EstimatedDuration:",
                long_duration(std::chrono::seconds(estimate.get<std::int64_t>())));
  }
  out += line("Progress:", text_at(status, {"progress"}));
  if (auto used = resources_duration(at(status, {"resourcesDuration"})); !used.empty()) {
    out += line("ResourcesDuration:", used);
  }
  out += parameters("Parameters:", at(workflow, {"spec", "arguments", "parameters"}));
  out += parameters("Output Parameters:", at(status, {"outputs", "parameters"}));
  if (!table.empty()) out += "\n" + table;
  return out;
}

}  // namespace gantry::cli
