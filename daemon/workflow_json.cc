#include "daemon/workflow_json.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "base/json_text.h"
#include "daemon/labels.h"
#include "daemon/node_json.h"
#include "daemon/progress.h"

namespace gantry {
namespace {

using api::Json;
using engine::Node;
using engine::NodeType;
using NodeList = std::vector<const Node*>;

Json time_json(const std::optional<Time>& time) { return time ? Json(rfc3339(*time)) : Json(); }

void put_text(Json& object, const char* key, const std::string& text) {
  if (!text.empty()) object[key] = text;
}

Json parameters_json(const std::vector<engine::Parameter>& parameters) {
  Json list = Json::array();
  for (const auto& [name, value] : parameters) list.push_back({{"name", name}, {"value", value}});
  return list;
}

Json values_json(const engine::Values& values) {
  Json json = Json::object();
  if (!values.parameters.empty()) json["parameters"] = parameters_json(values.parameters);
  if (!values.artifacts.empty()) json["artifacts"] = artifacts_json(values.artifacts);
  return json;
}

Json texts_json(const std::vector<SharedText>& texts) {
  Json list = Json::array();
  for (const SharedText& text : texts) list.push_back(text.str());
  return list;
}

Json outputs_json(const engine::NodeOutputs& outputs) {
  Json json = values_json({outputs.parameters, outputs.artifacts});
  if (outputs.result) json["result"] = *outputs.result;
  if (outputs.exit_code) json["exitCode"] = *outputs.exit_code;
  return json;
}

Json node_status(const Node& node, const Progress& progress, const std::string& scope) {
  Json json{{"id", node.id.str()},
            {"name", node.name},
            {"displayName", node.display_name},
            {"type", engine::node_type_name(node.type)},
            {"templateScope", node.template_scope.empty() ? scope : node.template_scope.str()},
            {"phase", workflow::phase_name(node.phase)},
            {"startedAt", time_json(node.started)},
            {"finishedAt", time_json(node.finished)}};
  // A group of steps is no template's instance (argo-workflows initializeNode of TypeStepGroup).
  if (!node.template_ref.empty()) {
    std::string ref = node.template_ref;
    const bool cluster = ref.starts_with("cluster:");
    if (cluster) ref.erase(0, 8);
    const std::size_t slash = ref.find('/');
    json["templateRef"] = {{"name", ref.substr(0, slash)}, {"template", ref.substr(slash + 1)}};
    if (cluster) json["templateRef"]["clusterScope"] = true;
  } else if (node.type != NodeType::StepGroup) {
    put_text(json, "templateName", node.template_name);
  }
  put_text(json, "boundaryID", node.boundary_id);
  put_text(json, "message", node.message);
  if (progress.total > 0) json["progress"] = progress.text();
  if (!node.inputs.empty()) json["inputs"] = values_json(node.inputs);
  if (!node.outputs->empty()) json["outputs"] = outputs_json(*node.outputs);
  if (!node.children.empty()) json["children"] = texts_json(node.children);
  if (!node.outbound_nodes.empty()) json["outboundNodes"] = texts_json(node.outbound_nodes);
  if (node.hooked) json["nodeFlag"]["hooked"] = true;
  if (node.retried) json["nodeFlag"]["retried"] = true;
  if (node.daemoned) json["daemoned"] = true;
  put_text(json, "podIP", node.ip);
  if (!node.memo->cache.empty()) {
    json["memoizationStatus"] = {
        {"hit", node.memo->hit}, {"key", node.memo->key}, {"cacheName", node.memo->cache}};
  }
  return json;
}

Json conditions_json(const NodeList& nodes, engine::RunPhase phase) {
  Json conditions = Json::array();
  bool any_pod = false, pod_running = false;
  for (const Node* node : nodes) {
    if (node->type != NodeType::Pod) continue;
    any_pod = true;
    pod_running |= node->phase == engine::Phase::Running;
  }
  if (any_pod) {
    conditions.push_back({{"type", "PodRunning"}, {"status", pod_running ? "True" : "False"}});
  }
  if (engine::is_ended(phase)) conditions.push_back({{"type", "Completed"}, {"status", "True"}});
  return conditions;
}

Json status_json(const engine::RunStatus& status, const NodeList& nodes, const RunProgress& progress) {
  Json json{{"phase", engine::run_phase_name(status.phase)},
            {"startedAt", time_json(status.started)},
            {"finishedAt", time_json(status.finished)}};
  put_text(json, "message", status.message);
  if (!nodes.empty()) json["progress"] = progress.run.text();
  if (Json conditions = conditions_json(nodes, status.phase); !conditions.empty()) {
    json["conditions"] = std::move(conditions);
  }
  if (!status.outputs.empty()) json["outputs"] = values_json(status.outputs);
  return json;
}

Json metadata_json(const engine::RunInfo& info, const std::map<std::string, std::string>& labels) {
  Json metadata{{"namespace", info.name_space}};
  put_text(metadata, "name", info.name);
  put_text(metadata, "generateName", info.generate_name);
  put_text(metadata, "uid", info.uid);
  metadata["creationTimestamp"] = info.created == Time{} ? Json() : Json(rfc3339(info.created));
  if (!labels.empty()) metadata["labels"] = labels;
  if (!info.annotations.empty()) metadata["annotations"] = info.annotations;
  return metadata;
}

Json object_json(const engine::RunInfo& info, const std::map<std::string, std::string>& labels) {
  Json spec = Json::parse(info.spec_json, nullptr, false);
  return {{"apiVersion", "argoproj.io/v1alpha1"},
          {"kind", "Workflow"},
          {"metadata", metadata_json(info, labels)},
          {"spec", spec.is_object() ? std::move(spec) : Json::object()}};
}

/// Without its nodes.
Json bare_json(const engine::RunInfo& info, const engine::RunStatus& status, const NodeList& nodes,
               const RunProgress& progress) {
  Json json = object_json(info, all_labels(info, status));
  json["status"] = status_json(status, nodes, progress);
  if (status.suspended) {
    json["spec"]["suspend"] = true;
  } else {
    json["spec"].erase("suspend");
  }
  if (status.shutdown != engine::Shutdown::None) {
    json["spec"]["shutdown"] = engine::shutdown_name(status.shutdown);
  } else {
    json["spec"].erase("shutdown");  // one of the file ended with a retry
  }
  return json;
}

template <class Nodes>
NodeList pointers(const Nodes& nodes) {
  NodeList list;
  list.reserve(nodes.size());
  for (const Node& node : nodes) list.push_back(&node);
  return list;
}

template <class AnyRun>
Json whole(const AnyRun& run, bool with_nodes) {
  const NodeList nodes = pointers(run.nodes);
  const RunProgress progress = count_progress(nodes, 0, with_nodes ? nodes.size() : 0);
  Json json = bare_json(run.info, run.status, nodes, progress);
  if (!with_nodes || nodes.empty()) return json;
  Json& map = json["status"]["nodes"] = Json::object();
  const std::string scope = "local/" + run.info.name;
  for (std::size_t i = 0; i < nodes.size(); ++i) map[nodes[i]->id.str()] = node_status(*nodes[i], progress.nodes[i], scope);
  return json;
}

template <class AnyRun>
api::Document part(const AnyRun& run, api::NodePage page) {
  const NodeList nodes = pointers(run.nodes);
  const std::size_t first = std::min(page.first, nodes.size()), left = nodes.size() - first;
  const std::size_t most = page.limit == 0 ? left : std::min(page.limit, left), count = page.left_out ? 0 : most;
  const RunProgress progress = count_progress(nodes, first, count);
  Json json = bare_json(run.info, run.status, nodes, progress);
  if (most < left) {
    json["metadata"]["continue"] = std::to_string(first + most);
    json["metadata"]["remainingItemCount"] = left - most;
  }
  if (count == 0) return json;
  api::PackedText text;
  const std::string scope = "local/" + run.info.name;
  for (std::size_t i = first; i < first + count; ++i) {
    text.append(i == first ? "{\"" : ",\"");
    text.append(nodes[i]->id.str());  // nothing in it is to be escaped
    text.append("\":");
    text.append(json_text(node_status(*nodes[i], progress.nodes[i], scope)));
  }
  text.append("}");
  return {std::move(json), std::move(text)};
}

}  // namespace

Json workflow_json(const engine::Run& run, bool with_nodes) { return whole(run, with_nodes); }
Json workflow_json(const StoredRun& run, bool with_nodes) { return whole(run, with_nodes); }
api::Document workflow_document(const engine::Run& run, api::NodePage page) { return part(run, page); }
api::Document workflow_document(const StoredRun& run, api::NodePage page) { return part(run, page); }

Json workflow_json(const engine::RunInfo& info) { return object_json(info, info.labels); }

}  // namespace gantry
