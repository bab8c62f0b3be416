#include "daemon/node_json.h"

#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "base/json_text.h"

namespace gantry {

nlohmann::json artifacts_json(const std::vector<engine::Artifact>& artifacts) {
  using nlohmann::json;
  json list = json::array();
  for (const engine::Artifact& artifact : artifacts) {
    const std::string text = engine::artifact_json(artifact);
    json parsed = json::parse(text, nullptr, false);
    if (parsed.is_discarded()) {  // a value holds bytes that are no UTF-8
      const json clean = json::parse(json_text(json(text)));
      parsed = json::parse(clean.get_ref<const std::string&>(), nullptr, false);
    }
    list.push_back(std::move(parsed));
  }
  return list;
}

namespace {

using Json = nlohmann::json;
using engine::Node;
using engine::Parameter;

std::int64_t millis(Time time) { return time.time_since_epoch().count(); }

Json parameters_json(const std::vector<Parameter>& parameters) {
  Json list = Json::array();
  for (const Parameter& p : parameters) list.push_back(Json::array({p.name, p.value}));
  return list;
}

std::vector<Parameter> parameters_from(const Json& list) {
  std::vector<Parameter> parameters;
  for (const Json& pair : list) {
    parameters.push_back({pair.at(0).get<std::string>(), pair.at(1).get<std::string>()});
  }
  return parameters;
}

std::vector<engine::Artifact> artifacts_from(const Json& list) {
  std::vector<engine::Artifact> artifacts;
  for (const Json& one : list) {
    auto artifact = engine::artifact_from_json(one.dump());
    if (artifact) artifacts.push_back(std::move(*artifact));
  }
  return artifacts;
}

Json outputs_json(const engine::NodeOutputs& outputs) {
  Json json = Json::object();
  if (!outputs.artifacts.empty()) json["artifacts"] = artifacts_json(outputs.artifacts);
  if (!outputs.parameters.empty()) json["outputs"] = parameters_json(outputs.parameters);
  if (outputs.result) json["result"] = *outputs.result;
  if (outputs.exit_code) json["exitCode"] = *outputs.exit_code;
  return json;
}

engine::NodeOutputs outputs_from(const Json& json) {
  engine::NodeOutputs outputs;
  outputs.parameters = parameters_from(json.value("outputs", Json::array()));
  outputs.artifacts = artifacts_from(json.value("artifacts", Json::array()));
  if (json.contains("result")) outputs.result = json["result"];
  if (json.contains("exitCode")) outputs.exit_code = json["exitCode"];
  return outputs;
}

std::vector<SharedText> texts_from(const Json& json, const char* key) {
  std::vector<SharedText> texts;
  if (const auto list = json.find(key); list != json.end()) {
    for (const Json& text : *list) texts.emplace_back(text.get<std::string>());
  }
  return texts;
}

Json texts_json(const std::vector<SharedText>& texts) {
  Json list = Json::array();
  for (const SharedText& text : texts) list.push_back(text.str());
  return list;
}

std::optional<Time> time_from(const Json& json, const char* key) {
  auto it = json.find(key);
  if (it == json.end()) return std::nullopt;
  return Time(Duration(it->get<std::int64_t>()));
}

Node node_from(const Json& json) {
  Node node;
  node.id = json.at("id").get<std::string>();
  node.name = json.at("name");
  node.display_name = json.value("displayName", "");
  node.template_name = json.value("templateName", "");
  node.boundary_id = json.value("boundaryID", "");
  node.message = json.value("message", "");
  node.started = time_from(json, "startedAt");
  node.finished = time_from(json, "finishedAt");
  node.inputs.parameters = parameters_from(json.value("inputs", Json::array()));
  node.inputs.artifacts = artifacts_from(json.value("inputArtifacts", Json::array()));
  if (engine::NodeOutputs outputs = outputs_from(json); !outputs.empty()) node.outputs = std::move(outputs);
  node.children = texts_from(json, "children");
  node.outbound_nodes = texts_from(json, "outboundNodes");
  node.hooked = json.value("hooked", false);
  node.retried = json.value("retried", false);
  node.life = json.value("life", 0u);
  node.has_pod = json.contains("pod");
  node.start_intended = json.value("startIntended", false);
  if (json.contains("units")) node.units = json["units"].get<engine::HeldUnits>();
  node.template_ref = json.value("templateRef", "");
  node.template_scope = json.value("templateScope", "");
  node.daemoned = json.value("daemoned", false);
  node.progress_done = json.value("progressDone", 0u);
  node.progress_total = json.value("progressTotal", 0u);
  node.ip = json.value("ip", "");
  if (json.contains("memoKey")) {
    node.memo = engine::MemoStatus{json.value("memoHit", false), json.value("memoCache", ""), json.value("memoKey", "")};
  }
  node.locked = json.value("locked", false);
  return node;
}

}  // namespace

std::string node_json(const Node& node) {
  Json json{{"id", node.id.str()},
            {"name", node.name},
            {"type", engine::node_type_name(node.type)},
            {"phase", workflow::phase_name(node.phase)}};
  auto put = [&](const char* key, const auto& value) {
    if (!value.empty()) json[key] = value;
  };
  put("displayName", node.display_name);
  put("templateName", node.template_name.str());
  put("boundaryID", node.boundary_id.str());
  put("message", node.message);
  if (node.started) json["startedAt"] = millis(*node.started);
  if (node.finished) json["finishedAt"] = millis(*node.finished);
  put("inputs", parameters_json(node.inputs.parameters));
  put("inputArtifacts", artifacts_json(node.inputs.artifacts));
  json.update(outputs_json(*node.outputs));
  put("children", texts_json(node.children));
  put("outboundNodes", texts_json(node.outbound_nodes));
  if (node.hooked) json["hooked"] = true;
  if (node.retried) json["retried"] = true;
  if (node.life > 0) json["life"] = node.life;
  if (node.has_pod) json["pod"] = true;
  if (node.start_intended) json["startIntended"] = true;
  put("units", *node.units);
  put("templateRef", node.template_ref.str());
  put("templateScope", node.template_scope.str());
  if (node.daemoned) json["daemoned"] = true;
  if (node.progress_total > 0) {
    json["progressDone"] = node.progress_done;
    json["progressTotal"] = node.progress_total;
  }
  put("ip", node.ip.str());
  if (node.memo->hit) json["memoHit"] = true;
  put("memoCache", node.memo->cache);
  put("memoKey", node.memo->key);
  if (node.locked) json["locked"] = true;
  std::string text = json_text(json);
  text.shrink_to_fit();  // a hundred thousand of them may wait to be stored
  return text;
}

std::string node_outputs_json(const engine::NodeOutputs& outputs) {
  return json_text(outputs_json(outputs));
}

Result<engine::NodeOutputs> node_outputs_from_json(std::string_view text) {
  try {
    return outputs_from(Json::parse(text));
  } catch (const Json::exception& error) {
    return fail(Code::DataLoss, std::string("stored outputs are damaged: ") + error.what());
  }
}

Result<Node> node_from_json(std::string_view text) {
  auto damaged = [&](const std::string& what) {
    return fail(Code::DataLoss, "a stored node is damaged: " + what);
  };
  // nlohmann's accessors throw; this is the one place where that is turned into a value.
  try {
    Json json = Json::parse(text);
    Node node = node_from(json);
    auto type = engine::node_type_from(json.at("type").get<std::string>());
    auto phase = engine::phase_from(json.at("phase").get<std::string>());
    if (!type || !phase) return damaged("unknown type or phase");
    node.type = *type;
    node.phase = *phase;
    return node;
  } catch (const Json::exception& error) {
    return damaged(error.what());
  }
}

}  // namespace gantry
