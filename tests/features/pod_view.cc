#include <algorithm>

#include "tests/features/view.h"

namespace gantry::features {

namespace {

template <class... Cases>
struct Overload : Cases... {
  using Cases::operator()...;
};

Json volume_view(const runtime::Volume& volume) {
  return std::visit(
      Overload{[](const runtime::EmptyDir& dir) {
                 Json json = Json::object();
                 if (dir.memory) json["medium"] = "Memory";
                 if (dir.size_limit_bytes > 0) json["sizeLimit"] = dir.size_limit_bytes;
                 return Json{{"emptyDir", json}};
               },
               [](const runtime::HostPath& host) { return Json{{"hostPath", {{"path", host.path}, {"type", host.type}}}}; },
               [](const runtime::Files& files) {
                 const bool secret = files.from.kind == runtime::ObjectKey::Kind::Secret;
                 return Json{{secret ? "secret" : "configMap", {{"name", files.from.name}, {"optional", files.from.optional}}}};
               },
               [](const runtime::Claim& claim) {
                 return Json{{"claim", {{"owner", claim.owner}, {"name", claim.name}, {"readOnly", claim.read_only}}}};
               },
               [](const runtime::Projected& projected) { return Json{{"projected", projected.sources.size()}}; }},
      volume.source);
}

Json security_view(const runtime::Security& from) {
  Json json = Json::object();
  if (from.run_as_user) json["runAsUser"] = *from.run_as_user;
  if (from.run_as_group) json["runAsGroup"] = *from.run_as_group;
  if (from.fs_group) json["fsGroup"] = *from.fs_group;
  if (!from.supplemental_groups.empty()) json["supplementalGroups"] = from.supplemental_groups;
  json["runAsNonRoot"] = from.run_as_non_root;
  json["privileged"] = from.privileged;
  json["readOnlyRootFilesystem"] = from.read_only_root_filesystem;
  if (!from.capabilities_add.empty()) json["capabilities"]["add"] = from.capabilities_add;
  if (!from.capabilities_drop.empty()) json["capabilities"]["drop"] = from.capabilities_drop;
  return json;
}

Json container_view(const runtime::ContainerSpec& from) {
  Json json{{"image", from.image},
            {"tty", from.tty},
            {"workingDir", from.working_dir},
            {"attempts", from.attempts},
            {"dependencies", from.dependencies},
            {"securityContext", security_view(from.security)}};
  if (from.command) json["command"] = *from.command;
  if (from.args) json["args"] = *from.args;
  if (from.script) json["source"] = *from.script;
  using runtime::PullPolicy;
  json["imagePullPolicy"] = from.pull_policy == PullPolicy::Always  ? "Always"
                            : from.pull_policy == PullPolicy::Never ? "Never"
                                                                    : "IfNotPresent";
  for (const auto& variable : from.env) json["env"][variable.name] = variable.value;
  for (const auto& reference : from.env_references) {
    const bool secret = reference.from.kind == runtime::ObjectKey::Kind::Secret;
    Json key{{secret ? "secret" : "configMap", reference.from.name}, {"optional", reference.from.optional}};
    if (reference.from.key.empty()) {
      key["prefix"] = reference.name;
      json["envFrom"].push_back(key);
    } else {
      key["key"] = reference.from.key;
      json["env"][reference.name] = key;
    }
  }
  for (const auto& mount : from.mounts) {
    json["mounts"][mount.mount_path] = {{"volume", mount.volume}, {"subPath", mount.sub_path}, {"readOnly", mount.read_only}};
  }
  json["requests"] = {{"cpu", from.resources.cpu_request_milli}, {"memory", from.resources.memory_request_bytes}};
  json["limits"] = {{"cpu", from.resources.cpu_limit_milli}, {"memory", from.resources.memory_limit_bytes}};
  for (const auto& [name, amount] : from.resources.extended) json["limits"][name] = amount;
  for (const auto& device : from.devices) json["devices"].push_back(device.path + ":" + device.inside + ":" + device.access);
  json["role"] = from.role == runtime::Role::Init ? "init" : from.role == runtime::Role::Sidecar ? "sidecar" : "main";
  json["probed"] = from.readiness_probe.has_value();
  return json;
}

Json artifact_view(const engine::Artifact& artifact) {
  Json json = Json::parse(engine::artifact_json(artifact));
  json.erase("name");
  return json;
}

}  // namespace

Json view(const engine::PreparePod& prepared) {
  const runtime::PodSpec& pod = prepared.pod;
  Json json{{"hostname", pod.hostname},
            {"labels", pod.labels},
            {"namespace", prepared.name_space},
            {"terminationGracePeriodSeconds", pod.termination_grace.count() / 1000},
            {"captured", pod.capture_stdout},
            {"imagePullSecrets", pod.image_pull_secrets},
            {"sysctls", pod.sysctls},
            {"hostPID", pod.host_pid}};
  json["network"] = pod.network == runtime::Network::Host ? "host" : pod.network == runtime::Network::None ? "none" : "bridge";
  for (const auto& volume : pod.volumes) json["volumes"][volume.name] = volume_view(volume);
  for (const auto& container : pod.containers) json["containers"][container.name] = container_view(container);
  for (const auto& alias : pod.host_aliases) json["hostAliases"][alias.ip] = alias.hostnames;
  json["dns"] = {{"fromHost", pod.dns.from_host}, {"nameservers", pod.dns.nameservers}, {"searches", pod.dns.searches}};
  for (const auto& output : pod.outputs) json["outputs"][output.name] = output.path;
  for (const auto& input : prepared.artifacts.inputs) json["inputArtifacts"][input.artifact.name] = artifact_view(input.artifact);
  for (const auto& output : prepared.artifacts.outputs) json["outputArtifacts"][output.name] = artifact_view(output);
  for (const auto& log : prepared.artifacts.logs) json["logArtifacts"][log.container] = artifact_view(log.artifact);
  return json;
}

}  // namespace gantry::features
