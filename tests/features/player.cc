#include "tests/features/player.h"

#include <memory>

#include "daemon/engine/fit.h"
#include "daemon/node_selector.h"
#include "daemon/submission.h"
#include "tests/features/view.h"
#include "workflow/document.h"
#include "workflow/lint.h"

namespace gantry::features {

namespace {

/// `3`, or a list of units of devices and env.
engine::NamedResource resource_of(const std::string& name, const Json& offer) {
  engine::NamedResource resource{.name = name, .total = 0, .units = {}};
  if (offer.is_number()) {
    resource.total = offer;
    return resource;
  }
  for (const Json& written : offer) {
    engine::Unit& unit = resource.units.emplace_back();
    for (const Json& path : written.value("devices", Json::array())) unit.devices.push_back({path, path, "rwm"});
    const Json env = written.value("env", Json::object());
    for (const auto& [key, value] : env.items()) unit.env.push_back({key, value, true});
  }
  resource.total = static_cast<std::int64_t>(resource.units.size());
  return resource;
}

std::string text_at(const workflow::Node* node, std::string_view key) {
  const workflow::Node* value = node != nullptr && node->is_map() ? node->find(key) : nullptr;
  return value != nullptr && value->is_scalar() ? std::string(value->text) : "";
}

Duration duration_or(const Json& json, const char* key, Duration otherwise) {
  if (!json.contains(key)) return otherwise;
  auto read = read_duration(json[key]);
  return read ? *read : otherwise;
}

runtime::ContainerScript container_script(const Json& json) {
  runtime::ContainerScript script;
  script.run = duration_or(json, "run", std::chrono::seconds(1));
  if (json.contains("run") && text_of(json["run"]) == "forever") script.run.reset();
  script.exit_code = json.value("exit", 0);
  script.earlier_exit_codes = json.value("earlier-exits", std::vector<int>{});
  script.oom_killed = json.value("oom", false);
  script.ignores_sigterm = json.value("ignores-term", false);
  return script;
}

/// A pod without a word about it runs for a second and ends with 0.
runtime::Script pod_script(const Json& json, const runtime::PodSpec& pod) {
  runtime::Script script;
  script.prepare = duration_or(json, "prepare", Duration(0));
  script.start = Duration(0);
  for (const auto& container : pod.containers) {
    const bool named = json.contains("containers") && json["containers"].contains(container.name);
    if (named) script.containers[container.name] = container_script(json["containers"][container.name]);
    if (!named && container.role == runtime::Role::Main) script.containers[container.name] = container_script(json);
  }
  script.prepare_error = json.value("prepare-error", "");
  script.lost = json.value("lost", false);
  if (json.contains("stdout")) script.stdout_text = text_of(json["stdout"]);
  const Json files = json.value("files", Json::object());
  for (const auto& output : pod.outputs) {
    if (files.contains(output.path)) script.outputs[output.name] = text_of(files[output.path]);
  }
  script.ready = Duration(0);
  if (json.contains("ready")) {
    script.ready.reset();
    if (text_of(json["ready"]) != "never") script.ready = duration_or(json, "ready", Duration(0));
  }
  for (const Json& path : json.value("missing", Json::array())) {
    for (const auto& artifact : pod.output_artifacts) {
      if (artifact.path == text_of(path)) script.missing_artifacts.insert(artifact.name);
    }
  }
  return script;
}

}  // namespace

std::vector<Manifest> split_manifests(const std::string& text) {
  std::vector<Manifest> out;
  for (std::size_t at = 0; at <= text.size();) {
    auto end = text.find("\n---\n", at);
    if (end == std::string::npos) end = text.size();
    Manifest one;
    one.text = text.substr(at, end - at) + "\n";
    at = end + 5;
    workflow::Diagnostics ignored;
    const auto document = workflow::Document::parse_yaml(one.text, {}, ignored);
    if (!document.roots().empty()) {
      const workflow::Node* root = document.roots().front();
      one.kind = text_at(root, "kind");
      const workflow::Node* metadata = root->is_map() ? root->find("metadata") : nullptr;
      one.name = text_at(metadata, "name");
      one.name_space = text_at(metadata, "namespace");
      one.cluster_scope = one.kind == "ClusterWorkflowTemplate";
    }
    out.push_back(std::move(one));
  }
  return out;
}

Result<std::string> Player::Objects::config_map(const std::string& name_space, const std::string& name,
                                                const std::string& key, bool parameter) const {
  const auto found = config_maps.find(name);
  if (found == config_maps.end()) {
    return fail(Code::NotFound, "ConfigMap '" + name + "' does not exist in namespace '" + name_space + "'");
  }
  if (parameter && !found->second.parameters) {
    return fail(Code::InvalidArgument,
                "ConfigMap '" + name + "' needs to have the label workflows.argoproj.io/configmap-type: Parameter");
  }
  const auto value = found->second.data.find(key);
  if (value == found->second.data.end()) {
    return fail(Code::NotFound, "ConfigMap '" + name + "' does not have the key '" + key + "'");
  }
  return value->second;
}

void Player::take_config_map(const std::string& text) {
  workflow::Diagnostics ignored;
  const auto document = workflow::Document::parse_yaml(text, {}, ignored);
  const Json json = Json::parse(workflow::to_json(*document.roots().front()));
  Objects::ConfigMap& map = objects_.config_maps[json.at("metadata").at("name").get<std::string>()];
  const Json labels = json["metadata"].value("labels", Json::object());
  map.parameters = labels.value("workflows.argoproj.io/configmap-type", "") == "Parameter";
  for (const auto& [key, value] : map_at(json, "data").items()) map.data[key] = text_of(value);
}

Player::Player(const Case& what) : case_(what), manifests_(split_manifests(what.manifests)), world_(options()) {
  begin_ = world_.now();
  for (const Manifest& manifest : manifests_) {
    if (manifest.kind.empty()) wrong_.push_back("a document without a kind, or no YAML:\n" + manifest.text);
    if (manifest.kind == "ConfigMap") take_config_map(manifest.text);
    if (manifest.kind == "WorkflowTemplate") templates_["namespaced/" + manifest.name] = manifest.text;
    if (manifest.cluster_scope) templates_["cluster/" + manifest.name] = manifest.text;
  }
}

testing::World::Options Player::options() {
  testing::World::Options options;
  options.slowest_commit = Duration(0);
  options.keys = case_.keys;
  options.author = [this](const runtime::PodSpec& pod) { return script(pod); };
  options.on_prepare = [this](const engine::PreparePod& prepared) {
    const auto owner = world_.engine().owner_of(prepared.pod.id);
    if (owner) given_[owner->node->name] = view(prepared);
  };
  options.server = [this](const engine::SendRequest& request) -> Result<engine::Engine::HttpAnswer> {
    if (!case_.server.contains(request.url)) return fail(Code::Unavailable, "nobody answers at " + request.url);
    const Json& answer = case_.server[request.url];
    if (answer.contains("error")) return fail(Code::Unavailable, text_of(answer["error"]));
    return engine::Engine::HttpAnswer{answer.value("status", 200),
                                      answer.value("headers", std::map<std::string, std::string>{}),
                                      answer.value("body", "")};
  };
  options.settings.objects = &objects_;
  options.settings.host.capacity = {.cpu_milli = case_.host.value("cpu", std::int64_t{100'000}),
                               .memory_bytes = case_.host.value("memory", std::int64_t{1} << 40),
                               .slots = case_.host.value("slots", std::int64_t{1000})};
  const Json resources = case_.host.value("resources", Json::object());
  for (const auto& [name, offer] : resources.items()) {
    options.settings.host.offer(resource_of(name, offer));
  }
  return options;
}

runtime::Script Player::script(const runtime::PodSpec& pod) {
  const auto owner = world_.engine().owner_of(pod.id);
  if (!owner) return {};
  const engine::Node& node = *owner->node;
  starts_.push_back({owner->run->info.name, node.name, pod.id});
  const Json& pods = case_.pods;
  Json how = Json::object();
  for (const std::string& name : {node.name, node.template_name.str()}) {
    if (!pods.contains(name)) continue;
    how = pods[name];
    const std::size_t life = lives_[node.name]++;
    if (how.is_array()) how = Json(how[std::min(life, how.size() - 1)]);
    break;
  }
  return pod_script(how, pod);
}

void Player::check_refusals() {
  std::vector<std::string> seen;
  const auto library = workflow::library_of(templates_);
  workflow::Options options;
  options.library = library.get();
  options.parameters = {case_.parameters.begin(), case_.parameters.end()};
  for (const Manifest& manifest : manifests_) {
    if (manifest.kind == "ConfigMap") continue;
    workflow::Diagnostics diagnostics;
    if (manifest.kind == "Workflow") {
      auto compiled = workflow::compile_workflows(manifest.text, workflow::Format::Yaml, options, diagnostics);
      if (diagnostics.has_errors()) compiled.clear();
      for (const auto& one : compiled) engine::check_fit(*one.plan, world_.engine().host(), diagnostics);
    } else {
      workflow::check_objects(manifest.text, workflow::Format::Yaml, options, diagnostics);
    }
    for (const auto& item : diagnostics.items()) {
      if (item.severity == workflow::Diagnostic::Severity::Error) seen.push_back(item.message);
    }
  }
  const Json expected = case_.expect.at("refused");
  if (Json(seen) != expected) {
    wrong_.push_back("refused:\n  expected " + expected.dump(2) + "\n      seen " + Json(seen).dump(2));
  }
}

void Player::check_lint() {
  std::vector<std::string> seen;
  const std::string_view file = case_.manifests;
  for (const auto& one : workflow::lint({&file, 1}, {})) {
    for (const auto& finding : one.findings) {
      std::string text = workflow::to_string(finding.diagnostic, "");
      const auto& at = finding.diagnostic.at;
      const std::string place = ":" + std::to_string(at.line) + ":" + std::to_string(at.column) + ": ";
      if (text.starts_with(place)) text.erase(0, place.size());
      seen.push_back(text);
    }
  }
  const Json expected = case_.expect.at("lint");
  if (Json(seen) != expected) {
    wrong_.push_back("lint:\n  expected " + expected.dump(2) + "\n      seen " + Json(seen).dump(2));
  }
}

void Player::submit(const workflow::Compiled& compiled) {
  engine::RunInfo info;
  info.uid = info.name = compiled.metadata.name;
  info.name_space = compiled.metadata.name_space.empty() ? "default" : compiled.metadata.name_space;
  info.labels = compiled.metadata.labels;
  info.annotations = compiled.metadata.annotations;
  info.spec_json = compiled.spec_json;
  add_template_label(info.spec_json, info.labels);
  world_.submit(std::move(info), compiled.plan);
}

std::string Player::answer(const Action& action) {
  const std::string& run = action.of.empty() ? first_ : action.of;
  engine::Engine& engine = world_.engine();
  auto selector = NodeSelector::parse(action.nodes);
  if (!selector) return selector.error().message;
  engine::Engine::Wanted wanted;
  if (!selector->empty()) {
    wanted = [&selector](const engine::Run&, const engine::Node& node) { return selector->matches(node); };
  }
  const Time now = world_.now();
  if (action.does == "suspend") return world_.apply(engine.suspend(run, now));
  if (action.does == "resume") return world_.apply(engine.resume(run, wanted, action.message, now));
  if (action.does == "stop" && wanted) return world_.apply(engine.fail_suspended(run, wanted, action.message, now));
  if (action.does == "stop") return world_.apply(engine.shut_down(run, engine::Shutdown::Stop, now));
  if (action.does == "terminate") return world_.apply(engine.shut_down(run, engine::Shutdown::Terminate, now));
  if (action.does == "resubmit") return world_.resubmit(run, action.name);
  if (action.does == "set") {
    engine::Engine::NodeChange change;
    for (const auto& [name, value] : action.outputs.items()) change.outputs.push_back({name, text_of(value)});
    if (!action.message.empty()) change.message = action.message;
    if (!action.phase.empty()) change.phase = engine::phase_from(action.phase);
    return world_.apply(engine.set_nodes(run, wanted, change, now));
  }
  if (action.does == "retry") {
    engine::RetryRequest request{.restart_successful = action.restart_successful, .selected = nullptr};
    if (!selector->empty()) request.selected = [&selector](const engine::Node& node) { return selector->matches(node); };
    return world_.retry(run, request);
  }
  if (action.does == "delete") world_.forget(run);
  if (action.does == "restart-daemon") world_.crash();
  return {};
}

void Player::act(const Action& action) {
  const std::string when = "after " + std::to_string(action.at.count()) + " ms: ";
  if (!action.does.empty()) {
    const std::string said = answer(action);
    if (said != action.refused) wrong_.push_back(when + action.does + ":\n  expected " + action.refused + "\n      seen " + said);
  }
  if (!action.sees.is_null()) check(action.sees, action.of.empty() ? first_ : action.of, when);
}

void Player::check(const Json& expected, const std::string& run, const std::string& when) {
  const auto found = world_.stored().find(run);
  if (found == world_.stored().end()) return wrong_.push_back(when + "there is no workflow " + run);
  Json seen = view(found->second, begin_);
  seen["given"] = given_;
  seen["claims-removed"] = world_.runtime().claims_removed().contains(run);
  Json starts = Json::array();
  for (const Start& start : starts_) {
    if (start.run == run && world_.runtime().starts().contains(start.pod)) starts.push_back(start.node);
  }
  seen["starts"] = starts;
  for (const std::string& line : differences(expected, seen, run)) wrong_.push_back(when + line);
}

std::vector<std::string> Player::play() {
  if (case_.expect.contains("lint")) check_lint();
  if (case_.expect.contains("refused")) {
    check_refusals();
    return wrong_;
  }
  if (!case_.expect.contains("phase") && case_.expect_of.empty()) return wrong_;
  const auto library = workflow::library_of(templates_);
  workflow::Options options;
  options.library = library.get();
  options.parameters = {case_.parameters.begin(), case_.parameters.end()};
  for (const Manifest& manifest : manifests_) {
    if (manifest.kind != "Workflow") continue;
    workflow::Diagnostics diagnostics;
    auto compiled = workflow::compile_workflows(manifest.text, workflow::Format::Yaml, options, diagnostics);
    if (diagnostics.has_errors() || compiled.size() != 1) {
      for (const auto& item : diagnostics.items()) wrong_.push_back(workflow::to_string(item, manifest.name));
      return wrong_;
    }
    if (first_.empty()) first_ = manifest.name;
    const auto when = case_.submitted.find(manifest.name);
    const Duration after = when == case_.submitted.end() ? Duration(0) : when->second;
    world_.runtime().at(begin_ + after, [this, one = std::move(compiled.front())] { submit(one); });
  }
  for (const Action& action : case_.user) {
    world_.runtime().at(begin_ + action.at, [this, &action] { act(action); });
  }
  world_.run_to_rest();
  if (case_.expect.contains("phase")) {
    Json expected = case_.expect;
    expected.erase("lint");
    check(expected, first_, "");
  }
  for (const auto& [run, expected] : case_.expect_of) check(expected, run, run + ": ");
  return wrong_;
}

std::string Player::story() const {
  std::string text;
  for (const auto& [name, run] : world_.stored()) text += name + ":\n" + features::story(view(run, begin_));
  return text;
}

}  // namespace gantry::features
