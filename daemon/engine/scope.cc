#include "daemon/engine/scope.h"

#include <cstdio>

#include "daemon/engine/json_text.h"

namespace gantry::engine {

static bool take_prefix(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

static std::string seconds_since(Time start, Time now) {
  char text[40];
  std::snprintf(text, sizeof text, "%.6f", static_cast<double>((now - start).count()) / 1000.0);
  return text;
}

std::string parameters_json(const std::vector<Parameter>& parameters) {
  std::string json = "[";
  for (const Parameter& p : parameters) {
    if (json.size() > 1) json += ",";
    json += "{\"name\":" + json_string(p.name) + ",\"value\":" + json_string(p.value) + "}";
  }
  return json + "]";
}

/// Every failed node as a JSON list in a Go-quoted string, so that it can stand bare in a shell line and in JSON
/// (argo-workflows workflow/controller/operator.go, globalParams "workflow.failures").
static std::string failures(const Live& live) {
  std::string json;
  for (const Node& node : live.run.nodes) {
    if (!workflow::is_failed_or_error(node.phase)) continue;
    json += json.empty() ? "[" : ",";
    json += "{\"displayName\":" + json_string(node.display_name) +
            ",\"message\":" + json_string(node.message) +
            ",\"templateName\":" + json_string(node.template_name) +
            ",\"phase\":" + json_string(workflow::phase_name(node.phase)) +
            ",\"podName\":" + json_string(pod_name(live.run.info.name, node)) + ",\"finishedAt\":" +
            (node.finished ? json_string(rfc3339(*node.finished)) : "null") + "}";
  }
  return json_string(json.empty() ? "null" : json + "]");
}

static std::optional<std::string> find(const std::map<std::string, std::string>& map, std::string_view key) {
  auto it = map.find(std::string(key));
  if (it == map.end()) return std::nullopt;
  return it->second;
}

static std::string map_json(const std::map<std::string, std::string>& map) {
  std::string json = "{";
  for (const auto& [key, value] : map) {
    if (json.size() > 1) json += ",";
    json += json_string(key) + ":" + json_string(value);
  }
  return json + "}";
}

static std::vector<Parameter> arguments_of(const Live& live) {
  std::vector<Parameter> arguments;
  for (const auto& parameter : live.run.plan->arguments) {
    const workflow::Text* text = parameter.value           ? &*parameter.value
                                 : parameter.default_value ? &*parameter.default_value
                                                           : nullptr;
    if (text != nullptr) arguments.push_back({parameter.name, text->source()});
  }
  return arguments;
}

std::optional<std::string> workflow_variable(const Live& live, std::string_view name, Time now) {
  if (!take_prefix(name, "workflow.")) return std::nullopt;
  const RunInfo& info = live.run.info;
  const workflow::Plan& plan = *live.run.plan;
  if (name == "name") return info.name;
  if (name == "namespace") return info.name_space;
  if (name == "uid") return info.uid;
  if (name == "status") return live.main_phase;
  if (name == "failures") return failures(live);
  if (name == "duration") return seconds_since(live.run.status.started.value_or(now), now);
  if (name == "mainEntrypoint") return plan.templates[plan.entrypoint].name;
  if (name == "serviceAccountName") return plan.service_account_name;
  if (name == "priority") return std::to_string(plan.priority.value_or(0));
  if (name == "parameters" || name == "parameters.json") return parameters_json(arguments_of(live));
  if (name == "labels.json" || name == "labels") return map_json(info.labels);
  if (name == "annotations.json" || name == "annotations") return map_json(info.annotations);
  if (take_prefix(name, "parameters.")) {
    for (const Parameter& argument : arguments_of(live)) {
      if (argument.name == name) return argument.value;
    }
    return std::nullopt;
  }
  if (take_prefix(name, "labels.")) return find(info.labels, name);
  if (take_prefix(name, "annotations.")) return find(info.annotations, name);
  if (name == "creationTimestamp" || name == "creationTimestamp.RFC3339") return rfc3339(info.created);
  if (take_prefix(name, "creationTimestamp.")) {
    auto seconds = std::chrono::floor<std::chrono::seconds>(info.created).time_since_epoch().count();
    if (name == "s") return std::to_string(seconds);
    if (name.size() != 1) return std::nullopt;
    std::time_t time = seconds;
    std::tm parts{};
    gmtime_r(&time, &parts);
    char text[64];
    std::string format = "%" + std::string(name);
    return std::string(text, std::strftime(text, sizeof text, format.c_str(), &parts));
  }
  return std::nullopt;
}

/// The default that the called template declares for an output, which stands in for a skipped producer's.
static std::optional<std::string> declared_default(const Live& live, const workflow::Task& task,
                                                   std::string_view output) {
  for (const auto& declared : live.run.plan->templates[task.callee].outputs) {
    if (declared.name == output && declared.default_value) return declared.default_value->source();
  }
  return std::nullopt;
}

static std::optional<std::string> output_variable(const Live& live, const workflow::Task& task, const Node& node,
                                                  std::string_view name, bool& absent) {
  bool has_none = node.phase == Phase::Skipped || node.phase == Phase::Omitted;
  if (name == "result") {
    if (!node.outputs.result) absent = has_none;
    return node.outputs.result;
  }
  if (name == "parameters") return parameters_json(node.outputs.parameters);
  if (!take_prefix(name, "parameters.")) return std::nullopt;
  for (const Parameter& p : node.outputs.parameters) {
    if (p.name == name) return p.value;
  }
  if (!has_none) return std::nullopt;
  auto value = declared_default(live, task, name);
  if (!value) absent = true;
  return value;
}

std::optional<std::string> task_variable(Live& live, const Call& call, std::string_view name, bool& absent) {
  if (call.graph == nullptr) return std::nullopt;
  const workflow::Graph& graph = *call.graph->graph;
  if (!take_prefix(name, graph.kind == workflow::Graph::Kind::Steps ? "steps." : "tasks.")) return std::nullopt;
  std::size_t dot = name.find('.');
  std::string_view task_name = name.substr(0, dot);
  if (dot == std::string_view::npos) {
    if (name == "name") return call.node->name;
    return std::nullopt;
  }
  name.remove_prefix(dot + 1);
  const auto& names = live.names_of(graph);
  auto found = names.find(task_name);
  if (found == names.end()) return std::nullopt;
  const Node* node = call.graph->tasks[found->second].node;
  if (node == nullptr) return std::nullopt;
  if (take_prefix(name, "outputs.")) {
    return output_variable(live, graph.tasks[found->second], *node, name, absent);
  }
  if (name == "status") return std::string(workflow::phase_name(node->phase));
  if (name == "id") return node->id;
  if (name == "ip") return std::string();
  if (name == "hostNodeName") return std::string();
  if (name == "message") return node->message;
  if (name == "exitCode") return node->outputs.exit_code;
  if (name == "startedAt" && node->started) return rfc3339(*node->started);
  if (name == "finishedAt" && node->finished) return rfc3339(*node->finished);
  return std::nullopt;
}

/// retries and lastRetry.*: what the attempts before this one were (argo-workflows buildRetryStrategyLocalScope).
static std::optional<std::string> retry_variable(const Call& call, std::string_view name) {
  const Call* attempt = &call;
  if (!attempt->is_attempt()) return std::nullopt;
  const RetryCall& retry = *attempt->parent->retry;
  if (name == "retries") return std::to_string(retry.attempts - 1);
  if (!take_prefix(name, "lastRetry.")) return std::nullopt;
  const Node* last = retry.last;
  if (name == "exitCode") return last == nullptr ? "0" : last->outputs.exit_code.value_or("-1");
  if (name == "status") return last == nullptr ? "" : std::string(workflow::phase_name(last->phase));
  if (name == "message") return last == nullptr ? "" : last->message;
  if (name == "duration") {
    bool known = last != nullptr && last->started && last->finished;
    return known ? std::to_string((*last->finished - *last->started).count() / 1000) : "0";
  }
  return std::nullopt;
}

std::optional<std::string> CallScope::lookup(std::string_view name) const {
  if (name.starts_with("workflow.")) return workflow_variable(live_, name, now_);
  if (name.starts_with("steps.") || name.starts_with("tasks.")) {
    bool absent = false;
    return task_variable(live_, call_, name, absent);
  }
  if (name == "inputs.parameters") return parameters_json(call_.inputs);
  if (std::string_view input = name; take_prefix(input, "inputs.parameters.")) {
    for (const Parameter& p : call_.inputs) {
      if (p.name == input) return p.value;
    }
    return std::nullopt;
  }
  if (std::string_view output = name; take_prefix(output, "outputs.parameters.") && output.ends_with(".path")) {
    output.remove_suffix(5);
    for (const auto& declared : call_.tmpl->outputs) {
      if (declared.name == output && declared.path) return declared.path->source();
    }
    return std::nullopt;
  }
  if (name == "pod.name") return pod_name(live_.run.info.name, *call_.node);
  if (name == "node.name") return call_.node->name;
  return retry_variable(call_, name);
}

bool CallScope::is_absent(std::string_view name) const {
  bool absent = false;
  task_variable(live_, call_, name, absent);
  return absent;
}

Result<std::string> render(const workflow::Text& text, const CallScope& scope) {
  auto rendered = text.render(scope);
  if (rendered) return rendered;
  std::string absent;
  text.for_each_reference([&](std::string_view name) {
    if (absent.empty() && scope.is_absent(name)) absent = name;
  });
  if (absent.empty()) return rendered;
  return fail(Code::NotFound, "unable to substitute {{" + absent +
                                  "}}: output is an absent optional (skipped/omitted node with no default)");
}

const std::unordered_map<std::string_view, Index>& Live::names_of(const workflow::Graph& graph) {
  auto [it, added] = names_.try_emplace(&graph);
  if (added) {
    for (Index i = 0; i < graph.tasks.size(); ++i) {
      if (graph.tasks[i].kind == workflow::Task::Kind::Call) it->second.emplace(graph.tasks[i].name, i);
    }
  }
  return it->second;
}

}  // namespace gantry::engine
