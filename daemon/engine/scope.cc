#include "daemon/engine/scope.h"

#include <algorithm>
#include <cstdio>
#include <memory>

#include "base/ids.h"
#include "daemon/engine/aggregate.h"
#include "daemon/engine/carry_over.h"
#include "daemon/engine/json_text.h"
#include "workflow/go_json.h"
#include "workflow/quantity.h"

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

std::string parameters_json(const std::vector<Parameter>& parameters,
                            const std::vector<workflow::InputParameter>& declared) {
  std::string json = "[";
  for (const Parameter& p : parameters) {
    if (json.size() > 1) json += ",";
    const auto own = std::find_if(declared.begin(), declared.end(), [&](const auto& one) { return one.name == p.name; });
    const workflow::InputParameter* more = own == declared.end() ? nullptr : &*own;
    json += "{\"name\":" + json_string(p.name);
    if (more != nullptr && more->default_value) json += ",\"default\":" + json_string(more->default_value->source());
    json += ",\"value\":" + json_string(p.value);
    if (more != nullptr && !more->allowed.empty()) {
      std::string list;
      for (const std::string& value : more->allowed) list += (list.empty() ? "" : ",") + json_string(value);
      json += ",\"enum\":[" + list + "]";
    }
    if (more != nullptr && !more->description.empty()) json += ",\"description\":" + json_string(more->description);
    json += "}";
  }
  return workflow::go_escaped(json + "]");
}

static std::optional<std::string> value_of(const std::vector<Parameter>& parameters, std::string_view name) {
  for (const Parameter& p : parameters) {
    if (p.name == name) return p.value;
  }
  return std::nullopt;
}

/// The artifact itself, for `from` and fromExpression.
static std::optional<std::string> artifact_of(const std::vector<Artifact>& artifacts, std::string_view name) {
  for (const Artifact& artifact : artifacts) {
    if (artifact.name == name) return artifact_json(artifact);
  }
  return std::nullopt;
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
  return json_string(json.empty() ? "null" : workflow::go_escaped(json + "]"));
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
  return workflow::go_escaped(json + "}");
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
  if (name == "parameters" || name == "parameters.json") return parameters_json(live.arguments.parameters, live.run.plan->arguments);
  if (name == "labels.json" || name == "labels") return map_json(info.labels);
  if (name == "annotations.json" || name == "annotations") return map_json(info.annotations);
  if (take_prefix(name, "parameters.")) {
    return value_of(live.arguments.parameters, name);
  }
  if (take_prefix(name, "outputs.parameters.")) return value_of(live.run.status.outputs.parameters, name);
  if (take_prefix(name, "outputs.artifacts.")) return artifact_of(live.run.status.outputs.artifacts, name);
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

/// A step that was skipped offers its artifacts all the same, kept nowhere (scope.go addSkippedNodeOutputsToScope).
static std::optional<std::string> output_artifact(const Live& live, const workflow::Task& task, const Node& node,
                                                  std::string_view name) {
  if (auto artifact = artifact_of(node.outputs->artifacts, name)) return artifact;
  const bool has_none = (node.phase == Phase::Skipped || node.phase == Phase::Omitted) && !is_carried_over(node);
  if (!has_none || task.group == kNone) return std::nullopt;
  for (const auto& declared : live.run.plan->templates[task.callee].output_artifacts) {
    if (declared.name == name) return artifact_json({.name = declared.name});
  }
  return std::nullopt;
}

static std::optional<std::string> output_variable(const Live& live, const workflow::Task& task, const Node& node,
                                                  std::string_view name, bool lenient, bool& absent) {
  const bool has_none = (node.phase == Phase::Skipped || node.phase == Phase::Omitted) && !is_carried_over(node);
  if (name == "result") {
    if (!node.outputs->result) absent = has_none;
    return node.outputs->result;
  }
  if (name == "parameters") return parameters_json(node.outputs->parameters);
  if (take_prefix(name, "artifacts.")) return output_artifact(live, task, node, name);
  if (!take_prefix(name, "parameters.")) return std::nullopt;
  if (auto value = value_of(node.outputs->parameters, name)) return value;
  const auto& declared = live.run.plan->templates[task.callee].outputs;
  const bool known = std::any_of(declared.begin(), declared.end(), [&](auto& output) { return output.name == name; });
  if (lenient && known) return "";
  if (!has_none) return std::nullopt;
  auto value = declared_default(live, task, name);
  if (!value) absent = true;
  return value;
}

static std::optional<std::string> node_variable(const Live& live, const workflow::Task& task, const Node& node,
                                                std::string_view name, bool lenient, bool& absent) {
  if (take_prefix(name, "outputs.")) return output_variable(live, task, node, name, lenient, absent);
  if (name == "status") return std::string(workflow::phase_name(node.phase));
  if (name == "id") return node.id;
  if (name == "ip") return node.ip;
  if (name == "hostNodeName") return std::string();
  if (name == "message") return node.message;
  if (name == "exitCode") return node.outputs->exit_code;
  if (name == "startedAt" && node.started) return rfc3339(*node.started);
  if (name == "finishedAt" && node.finished) return rfc3339(*node.finished);
  return std::nullopt;
}

std::optional<std::string> CallScope::task_variable(std::string_view name, bool& absent) const {
  const bool of_steps = name.starts_with("steps.");
  name.remove_prefix(6);
  if (name == "name") {
    // The step or task that this template was called as; the entry template was called as none.
    const Call* call = call_.is_attempt() ? call_.parent : &call_;
    if (call->role != Call::Role::Task || call->member == kNone) return "";
    return call->parent->graph->tasks[call->task].members[call->member].name;
  }
  if (call_.graph == nullptr) return std::nullopt;
  const workflow::Graph& graph = *call_.graph->graph;
  if (of_steps != (graph.kind == workflow::Graph::Kind::Steps)) return std::nullopt;
  if (own_.node != nullptr) {
    // A loop's item goes by its own name, which may hold dots.
    for (const std::string& own : {own_.node->display_name, graph.tasks[own_.task].name}) {
      if (!name.starts_with(own) || name.size() <= own.size() || name[own.size()] != '.') continue;
      return node_variable(live_, graph.tasks[own_.task], *own_.node, name.substr(own.size() + 1), own_.lenient, absent);
    }
  }
  std::size_t dot = name.find('.');
  if (dot == std::string_view::npos) return std::nullopt;
  const auto& names = live_.names_of(graph);
  const auto found = names.find(name.substr(0, dot));
  if (found == names.end()) return std::nullopt;
  name.remove_prefix(dot + 1);
  const TaskRecord& record = call_.graph->tasks[found->second];
  const workflow::Task& task = graph.tasks[found->second];
  if (!record.members.empty() && task.loop) {
    if (auto value = aggregated_output(record, name)) return value;
    if (record.node == nullptr) {
      // Steps: the group stands for the loop.
      const Node* group = live_.run.find(call_.node->name + "[" + std::to_string(task.group) + "]");
      return group == nullptr ? std::nullopt : node_variable(live_, task, *group, name, false, absent);
    }
  }
  if (record.node == nullptr) return std::nullopt;
  return node_variable(live_, task, *record.node, name, false, absent);
}

/// retries and lastRetry.*: what the attempts before this one were (argo-workflows buildRetryStrategyLocalScope).
static std::optional<std::string> retry_variable(const Call& call, std::string_view name) {
  const Call* attempt = &call;
  if (!attempt->is_attempt() && attempt->retry == nullptr) return std::nullopt;
  const RetryCall& retry = attempt->is_attempt() ? *attempt->parent->retry : *attempt->retry;
  if (name == "retries") return std::to_string(retry.attempts - 1);
  if (!take_prefix(name, "lastRetry.")) return std::nullopt;
  const Node* last = retry.last;
  if (name == "exitCode") return last == nullptr ? "0" : last->outputs->exit_code.value_or("-1");
  if (name == "status") return last == nullptr ? "" : std::string(workflow::phase_name(last->phase));
  if (name == "message") return last == nullptr ? "" : last->message;
  if (name == "duration") {
    bool known = last != nullptr && last->started && last->finished;
    return known ? std::to_string((*last->finished - *last->started).count() / 1000) : "0";
  }
  return std::nullopt;
}

std::optional<std::string> RunScope::lookup(std::string_view name) const { return workflow_variable(live_, name, now_); }

std::optional<std::string> CallScope::lookup(std::string_view name) const {
  if (name.starts_with("workflow.")) return workflow_variable(live_, name, now_);
  if (name.starts_with("steps.") || name.starts_with("tasks.")) {
    bool absent = false;
    return task_variable(name, absent);
  }
  if (item_ != nullptr && name.starts_with("item")) {
    if (name == "item") return item_->text;
    if (std::string_view key = name; take_prefix(key, "item.")) {
      const std::string* value = item_->field(key);
      return value == nullptr ? std::nullopt : std::optional(*value);
    }
  }
  if (name == "inputs.parameters") return parameters_json(call_.node->inputs.parameters, call_.tmpl->inputs);
  if (std::string_view input = name; take_prefix(input, "inputs.parameters.")) {
    return value_of(call_.node->inputs.parameters, input);
  }
  if (std::string_view input = name; take_prefix(input, "inputs.artifacts.")) {
    if (auto artifact = artifact_of(call_.node->inputs.artifacts, input)) return artifact;
    if (!input.ends_with(".path")) return std::nullopt;
    input.remove_suffix(5);
    for (const Artifact& artifact : call_.node->inputs.artifacts) {
      if (artifact.name == input) return artifact.path;
    }
    return std::nullopt;
  }
  if (std::string_view output = name; take_prefix(output, "outputs.artifacts.") && output.ends_with(".path")) {
    output.remove_suffix(5);
    for (const auto& declared : call_.tmpl->output_artifacts) {
      if (declared.name == output && declared.path) return path_of(*declared.path);
    }
    return std::nullopt;
  }
  if (std::string_view output = name; take_prefix(output, "outputs.parameters.") && output.ends_with(".path")) {
    output.remove_suffix(5);
    for (const auto& declared : call_.tmpl->outputs) {
      if (declared.name == output && declared.path) return path_of(*declared.path);
    }
    return std::nullopt;
  }
  if (name == "pod.name") return pod_name(live_.run.info.name, *call_.node);
  if (name == "node.name") return call_.node->name;
  return retry_variable(call_, name);
}

/// Where an output's file is. A path that varies names inputs, never outputs.
std::string CallScope::path_of(const workflow::Text& path) const {
  return path.is_literal() ? path.source() : path.render(*this).value_or(path.source());
}

bool CallScope::is_absent(std::string_view name) const {
  if (!name.starts_with("steps.") && !name.starts_with("tasks.")) return false;
  bool absent = false;
  task_variable(name, absent);
  return absent;
}

/// What scopes can name below a prefix, as a list of pairs.
static void visit_parameters(std::string_view prefix, const std::vector<Parameter>& parameters, std::string_view asked,
                             const std::function<void(std::string_view, std::optional<std::string>)>& visit) {
  for (const Parameter& p : parameters) {
    const std::string name = std::string(prefix) + p.name;
    if (name.starts_with(asked) && name.size() > asked.size() && name[asked.size()] == '.') visit(name, p.value);
  }
}

void RunScope::for_each_below(std::string_view name,
                              const std::function<void(std::string_view, std::optional<std::string>)>& visit) const {
  visit_parameters("workflow.parameters.", live_.arguments.parameters, name, visit);
  visit_parameters("workflow.outputs.parameters.", live_.run.status.outputs.parameters, name, visit);
  for (const auto& [prefix, map] : {std::pair("workflow.labels.", &live_.run.info.labels),
                                    std::pair("workflow.annotations.", &live_.run.info.annotations)}) {
    std::vector<Parameter> entries;
    for (const auto& [key, value] : *map) entries.push_back({key, value});
    visit_parameters(prefix, entries, name, visit);
  }
}

void CallScope::for_each_below(std::string_view name,
                               const std::function<void(std::string_view, std::optional<std::string>)>& visit) const {
  RunScope(live_, now_).for_each_below(name, visit);
  visit_parameters("inputs.parameters.", call_.node->inputs.parameters, name, visit);
  if (item_ != nullptr) {
    std::vector<Parameter> fields;
    for (const auto& [key, value] : item_->fields) fields.push_back({key, value});
    visit_parameters("item.", fields, name, visit);
  }
  if (call_.graph == nullptr) return;
  const workflow::Graph& graph = *call_.graph->graph;
  const std::string kind = graph.kind == workflow::Graph::Kind::Steps ? "steps." : "tasks.";
  for (Index i = 0; i < graph.tasks.size(); ++i) {
    const Node* node = call_.graph->tasks[i].node;
    if (node == nullptr || graph.tasks[i].kind != workflow::Task::Kind::Call) continue;
    const std::string prefix = kind + graph.tasks[i].name + ".";
    std::vector<Parameter> fields = {{"id", node->id}, {"status", std::string(workflow::phase_name(node->phase))}};
    if (node->outputs->result) fields.push_back({"outputs.result", *node->outputs->result});
    if (node->outputs->exit_code) fields.push_back({"exitCode", *node->outputs->exit_code});
    for (const Parameter& p : node->outputs->parameters) fields.push_back({"outputs.parameters." + p.name, p.value});
    for (const Artifact& a : node->outputs->artifacts) fields.push_back({"outputs.artifacts." + a.name, artifact_json(a)});
    visit_parameters(prefix, fields, name, visit);
  }
}

const workflow::expr::Facts& RunScope::facts() const {
  if (!facts_) facts_ = facts_at(now_, live_.run.info.uid);
  return *facts_;
}

const workflow::expr::Facts& CallScope::facts() const {
  if (!facts_) facts_ = facts_at(now_, live_.run.info.uid + "/" + (call_.node == nullptr ? "" : call_.node->name));
  return *facts_;
}

workflow::expr::Facts facts_at(Time now, std::string_view seed) {
  workflow::expr::Facts facts;
  facts.now = now;
  // splitmix64 (Steele, Lea, Flood 2014).
  auto state = std::make_shared<std::uint64_t>(fnv32a(seed));
  facts.random = [state] {
    std::uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  };
  return facts;
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

Result<std::optional<Duration>> duration_of(const std::optional<workflow::Text>& text, const CallScope& scope) {
  if (!text) return std::nullopt;
  auto rendered = render(*text, scope);
  if (!rendered) return fail(rendered.error());
  if (rendered->empty()) return std::nullopt;
  auto value = workflow::parse_duration_or_seconds(*rendered);
  if (!value) return fail(value.error());
  return std::optional<Duration>(*value);
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
