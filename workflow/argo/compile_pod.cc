// Templates that run a container, and what Kubernetes says of it.

#include <algorithm>
#include <cstdint>

#include "workflow/argo/compiler.h"
#include "workflow/extended_resource.h"
#include "workflow/quantity.h"

namespace gantry::workflow::argo {
namespace {

template <class T>
std::optional<T> optional_value(const Written<T>& written) {
  return written.set ? std::optional(written.value) : std::nullopt;
}

/// Kubernetes allows any name that a process can have in its environment.
bool is_env_name(std::string_view name) {
  return !name.empty() && name.find('=') == std::string_view::npos &&
         std::all_of(name.begin(), name.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

/// Fields of the pod that have a value here (core/v1 fieldRef).
bool is_known_field_path(std::string_view path) {
  constexpr std::string_view kPaths[] = {
      "metadata.name",           "metadata.namespace", "metadata.uid", "spec.nodeName",
      "spec.serviceAccountName", "status.hostIP",      "status.podIP"};
  const auto is_map_of = [&](std::string_view prefix) {
    return path.starts_with(prefix) && path.ends_with("']");
  };
  return std::find(std::begin(kPaths), std::end(kPaths), path) != std::end(kPaths) ||
         is_map_of("metadata.labels['") || is_map_of("metadata.annotations['");
}

std::string_view without_cap(std::string_view capability) {
  return capability.starts_with("CAP_") ? capability.substr(4) : capability;
}

}  // namespace

PodTemplate Compiler::pod(const argo::Template& written, const std::string& where) {
  PodTemplate out;
  if (written.container_set.set) {
    container_set(written.container_set, out, where + ".containerSet");
  } else if (written.script.set) {
    const OwnChecks own(*this, !written.script.image.empty());
    out.main = container(written.script, where + ".script");
    if (!written.script.source.empty())
      out.script_source = text(written.script.source, where + ".script.source");
  } else {
    out.main = container(written.container, where + ".container");
  }
  const OwnChecks own(*this);
  out.beside = beside(written, where);
  out.daemon = written.daemon.value;
  out.host_aliases = host_aliases(written.host_aliases, where + ".hostAliases");
  out.volumes = volumes(written.volumes, where + ".volumes");
  out.security = security(written.security_context, where + ".securityContext");
  out.metadata = pod_metadata(written.metadata, where + ".metadata");
  const ResourceRequirements& of_pod = written.pod_resources.set ? written.pod_resources : spec_.pod_resources;
  out.pod_resources = resources(of_pod, where + ".podResources");
  for (const auto* list : {&of_pod.requests, &of_pod.limits}) {
    for (const KeyQuantity& entry : list->value) {
      // A lint has its own word for it (lint_unread.cc).
      if (options_.lint || entry.key.find('/') == std::string_view::npos) continue;
      error(entry.at, where + ".podResources: \"" + std::string(entry.key) +
                          "\" is not a valid pod-level resource, only cpu, memory and hugepages-* are supported");
    }
  }
  out.patch = pod_spec_patch(written.pod_spec_patch, where + ".podSpecPatch");
  return out;
}

workflow::Container Compiler::container(const argo::Container& written, const std::string& where) {
  workflow::Container out;
  out.name = "main";
  out.at = written.at;
  out.image = text(written.image, where + ".image");
  if (written.image.empty() && !written.flawed && !spec_.flawed)
    error(written.at, where + ".image may not be empty");
  out.mounts = mounts(written.volume_mounts, where + ".volumeMounts");
  const OwnChecks own(*this);
  const std::string_view policy = written.image_pull_policy.value;
  if (policy == "Always") {
    out.pull_policy = PullPolicy::Always;
  } else if (policy == "IfNotPresent") {
    out.pull_policy = PullPolicy::IfNotPresent;
  } else if (policy == "Never") {
    out.pull_policy = PullPolicy::Never;
  } else if (!policy.empty()) {
    error(written.image_pull_policy.at,
          where + ".imagePullPolicy must be Always, IfNotPresent or Never, found \"" +
              std::string(policy) + "\"");
  }
  const auto words = [&](const List<Str>& list,
                         std::string_view field) -> std::optional<std::vector<Text>> {
    if (!list.set) return std::nullopt;
    std::vector<Text> texts;
    texts.reserve(list.value.size());
    for (std::size_t i = 0; i < list.value.size(); ++i) {
      texts.push_back(text(list.value[i], where + "." + std::string(field)));
    }
    return texts;
  };
  out.command = words(written.command, "command");
  out.args = words(written.args, "args");
  out.working_dir = text(written.working_dir, where + ".workingDir");
  out.env_from = env_from(written.env_from, where + ".envFrom");
  out.env = env(written.env, where + ".env");

  out.resources = resources(written.resources, where + ".resources");
  out.security = security(written.security_context, where + ".securityContext");
  out.readiness_probe = probe(written.readiness_probe, where + ".readinessProbe");
  out.liveness_probe = probe(written.liveness_probe, where + ".livenessProbe");
  out.startup_probe = probe(written.startup_probe, where + ".startupProbe");
  out.post_start = action(written.lifecycle.post_start, where + ".lifecycle.postStart");
  out.pre_stop = action(written.lifecycle.pre_stop, where + ".lifecycle.preStop");
  out.tty = written.tty.value;
  out.stdin_open = written.stdin_open.value;
  return out;
}

std::vector<workflow::VolumeMount> Compiler::mounts(const List<argo::VolumeMount>& written,
                                                    const std::string& where) {
  std::vector<workflow::VolumeMount> out;
  std::unordered_map<std::string_view, std::string_view> mounted;
  for (std::size_t i = 0; i < written.value.size(); ++i) {
    const argo::VolumeMount& mount = written.value[i];
    const std::string path = item_path(where, i);
    if (!mount.flawed) {
      if (mount.name.empty()) own_error(mount.at, path + ".name is required");
      // Upstream leaves it to Kubernetes, which only sees pods; so a template that is never used does no harm.
      if (mount.mount_path.empty() && !workflow_.is_template) {
        diagnostics_.warning(mount.at, path + ".mountPath is required");
      }
      const auto [first, fresh] = mounted.emplace(mount.mount_path.value, mount.name.value);
      if (!fresh) {
        error(mount.mount_path.at, path + ".mountPath '" + std::string(mount.mount_path.value) +
                                       "' already mounted in container.volumeMounts." +
                                       std::string(first->second));
      }
    }
    out.push_back({.name = text(mount.name, path + ".name"),
                          .mount_path = text(mount.mount_path, path + ".mountPath"),
                          .sub_path = text(mount.sub_path, path + ".subPath"),
                          .read_only = mount.read_only.value,
                          .at = mount.at});
  }
  return out;
}

std::vector<workflow::EnvVar> Compiler::env(const List<argo::EnvVar>& written,
                                            const std::string& where) {
  std::vector<workflow::EnvVar> out;
  for (std::size_t i = 0; i < written.value.size(); ++i) {
    const argo::EnvVar& variable = written.value[i];
    const std::string path = item_path(where, i);
    workflow::EnvVar made{.name = std::string(variable.name.value),
                          .value = text(variable.value, path + ".value")};
    if (variable.name.empty()) {
      if (!variable.flawed) error(variable.at, path + ".name is required");
    } else if (!is_env_name(variable.name.value)) {
      error(variable.name.at,
            path + ".name: '" + std::string(variable.name.value) + "' is no name of a variable");
    }
    const EnvVarSource& from = variable.value_from;
    const auto key_ref = [&](const KeySelector& selector, KeyRef::Kind kind,
                             const std::string& field) {
      if (!selector.set) return;
      if (selector.name.empty() && !selector.flawed)
        error(selector.at, path + field + ".name is required");
      if (selector.key.empty() && !selector.flawed)
        error(selector.at, path + field + ".key is required");
      made.key_ref = KeyRef{.kind = kind,
                            .name = text(selector.name, path + field + ".name"),
                            .key = text(selector.key, path + field + ".key"),
                            .optional = selector.optional.value};
    };
    key_ref(from.secret_key_ref, KeyRef::Kind::Secret, ".valueFrom.secretKeyRef");
    key_ref(from.config_map_key_ref, KeyRef::Kind::ConfigMap, ".valueFrom.configMapKeyRef");
    made.field_path = from.field_ref.field_path.value;
    if (from.field_ref.set && !from.field_ref.flawed && !is_known_field_path(made.field_path)) {
      error(from.field_ref.at,
            "not supported yet: " + path + ".valueFrom.fieldRef.fieldPath " + made.field_path);
    }
    const int sources = from.secret_key_ref.set + from.config_map_key_ref.set + from.field_ref.set;
    if (sources > 1) {
      error(from.at, path + ".valueFrom: may not have more than one field specified at a time");
    } else if (from.set && sources == 0 && !from.flawed) {
      error(from.at, path +
                         ".valueFrom: must specify one of: configMapKeyRef, fieldRef, "
                         "resourceFieldRef, secretKeyRef");
    } else if (from.set && !variable.value.empty()) {
      error(from.at, path + ".valueFrom: may not be specified when `value` is not empty");
    }
    out.push_back(std::move(made));
  }
  return out;
}

std::vector<EnvFrom> Compiler::env_from(const List<EnvFromSource>& written,
                                        const std::string& where) {
  std::vector<EnvFrom> out;
  for (std::size_t i = 0; i < written.value.size(); ++i) {
    const EnvFromSource& source = written.value[i];
    const std::string path = item_path(where, i);
    if (source.config_map_ref.set == source.secret_ref.set) {
      if (!source.flawed) error(source.at, path + ": must specify one of: configMapRef, secretRef");
      continue;
    }
    const bool secret = source.secret_ref.set;
    const EnvSource& from =
        secret ? static_cast<const EnvSource&>(source.secret_ref) : source.config_map_ref;
    if (from.name.empty() && !from.flawed) error(from.at, path + ".name is required");
    out.push_back({.kind = secret ? KeyRef::Kind::Secret : KeyRef::Kind::ConfigMap,
                   .name = text(from.name, path + ".name"),
                   .prefix = std::string(source.prefix.value),
                   .optional = from.optional.value});
  }
  return out;
}

std::optional<Text> Compiler::quantity(const Quantity& written, const std::string& where,
                                       Result<std::int64_t> (*parse)(std::string_view)) {
  if (!written.set) return std::nullopt;
  Text amount = text(written, where);
  if (amount.is_literal()) {
    const auto parsed = parse(written.value);
    // Kubernetes' decoder finds it, so `argo lint` does.
    if (!parsed) diagnostics_.error(written.at, where + ": " + parsed.error().message);
  } else if (options_.lint) {
    diagnostics_.error(written.at, where + ": Argo takes no {{…}} in a quantity; use podSpecPatch there");
  }
  return amount;
}

Resources::Amounts Compiler::amounts(const argo::Amounts& written, const std::string& where) {
  Resources::Amounts out;
  for (const KeyQuantity& entry : written.value) {
    const std::string path = where + "." + std::string(entry.key);
    if (entry.key == "cpu") {
      out.cpu = quantity(entry.value, path, parse_cpu_milli);
    } else if (entry.key == "memory") {
      out.memory = quantity(entry.value, path);
    } else if (entry.key == "ephemeral-storage") {
      out.ephemeral_storage = quantity(entry.value, path);
    } else if (entry.key.find('/') != std::string_view::npos) {
      if (auto amount = extended(entry, path)) out.extended.emplace_back(entry.key, std::move(*amount));
    } else {
      error(entry.at, "not supported yet: " + path);
    }
  }
  return out;
}

/// A resource that is counted by the piece. What Argo's own decoder lets through is Kubernetes' to refuse when the pod is made.
std::optional<Text> Compiler::extended(const KeyQuantity& written, const std::string& path) {
  if (const std::string bad = check_extended_resource(written.key); !bad.empty()) {
    own_error(written.at, path + ": " + bad);
    return std::nullopt;
  }
  auto amount = quantity(written.value, path);
  if (amount && amount->is_literal() && parse_bytes(written.value.value) && !parse_whole(written.value.value)) {
    own_error(written.value.at, path + ": must be an integer, found \"" + std::string(written.value.value) + "\"");
  }
  return amount;
}

/// Nothing of them can be promised twice (k8s.io/kubernetes pkg/apis/core/validation ValidateResourceRequirements).
void Compiler::check_extended(const ResourceRequirements& written, const Resources& resources, const std::string& where) {
  for (const auto& [name, request] : resources.requests.extended) {
    const auto same = [&, key = std::string_view(name)](const auto& other) { return other.first == key; };
    const auto& limits = resources.limits.extended;
    const auto limit = std::find_if(limits.begin(), limits.end(), same);
    const auto entry = std::find_if(written.requests.value.begin(), written.requests.value.end(),
                                    [key = std::string_view(name)](const KeyQuantity& one) { return one.key == key; });
    const std::string path = where + ".requests." + name;
    if (limit == limits.end()) {
      own_error(entry->at, path + ": Limit must be set for non overcommitable resources");
      continue;
    }
    if (!request.is_literal() || !limit->second.is_literal()) continue;
    const auto asked = parse_whole(request.source()), most = parse_whole(limit->second.source());
    if (asked && most && *asked != *most) {
      own_error(entry->value.at, path + ": must be equal to " + name + " limit of " + limit->second.source() + ", found " +
                                     request.source());
    }
  }
}

Resources Compiler::resources(const ResourceRequirements& written, const std::string& where) {
  Resources out{.requests = amounts(written.requests, where + ".requests"),
                .limits = amounts(written.limits, where + ".limits")};
  // Of a patch nobody knows what it is laid over; then its pod is looked at.
  if (!spec_.flawed) check_extended(written, out, where);
  return out;
}

workflow::SecurityContext Compiler::security(const Security& written, const std::string& where) {
  workflow::SecurityContext out;
  const auto id = [&](const Int& number, std::string_view field) -> std::optional<std::int64_t> {
    if (!number.set) return std::nullopt;
    if (number.value < 0 || number.value > INT32_MAX) {
      error(number.at,
            where + "." + std::string(field) + ": must be between 0 and 2147483647, inclusive");
    }
    return number.value;
  };
  out.run_as_user = id(written.run_as_user, "runAsUser");
  out.run_as_group = id(written.run_as_group, "runAsGroup");
  out.fs_group = id(written.fs_group, "fsGroup");
  for (const Int& group : written.supplemental_groups.value) {
    if (const auto number = id(group, "supplementalGroups"))
      out.supplemental_groups.push_back(*number);
  }
  out.run_as_non_root = optional_value(written.run_as_non_root);
  out.privileged = optional_value(written.privileged);
  out.allow_privilege_escalation = optional_value(written.allow_privilege_escalation);
  out.read_only_root_filesystem = optional_value(written.read_only_root_filesystem);
  for (const Str& add : written.capabilities.add.value)
    out.capabilities_add.emplace_back(without_cap(add.value));
  for (const Str& drop : written.capabilities.drop.value)
    out.capabilities_drop.emplace_back(without_cap(drop.value));
  if (const Str& type = written.seccomp_profile.type; type.set) {
    if (type.value == "Localhost") {
      error(type.at, "not supported yet: " + where + ".seccompProfile.type Localhost");
    } else if (type.value != "RuntimeDefault" && type.value != "Unconfined") {
      error(type.at,
            where +
                ".seccompProfile.type must be RuntimeDefault, Unconfined or Localhost, found \"" +
                std::string(type.value) + "\"");
    }
    out.seccomp_type = std::string(type.value);
  }
  return out;
}

std::optional<std::uint32_t> Compiler::file_mode(const Int& written, const std::string& where) {
  if (!written.set) return std::nullopt;
  if (written.value < 0 || written.value > 0777) {
    error(written.at, where + ": must be a number between 0 and 0777 (octal), both inclusive");
  }
  return static_cast<std::uint32_t>(written.value);
}

ObjectVolume Compiler::object_volume(const ObjectSource& written, KeyRef::Kind kind,
                                     const std::string& where) {
  const std::string name_field = kind == KeyRef::Kind::Secret ? ".secretName" : ".name";
  if (written.name.empty() && !written.flawed)
    error(written.at, where + name_field + " is required");
  ObjectVolume out{.kind = kind,
                   .name = text(written.name, where + name_field),
                   .optional = written.optional.value};
  if (const auto mode = file_mode(written.default_mode, where + ".defaultMode"))
    out.default_mode = *mode;
  for (std::size_t i = 0; i < written.items.value.size(); ++i) {
    const KeyToPath& key = written.items.value[i];
    const std::string path = item_path(where + ".items", i);
    if (key.key.empty() && !key.flawed) error(key.at, path + ".key is required");
    if (key.path.empty() && !key.flawed) error(key.at, path + ".path is required");
    // A path that leaves the volume would let a file of the user write anywhere on the host.
    const std::string bounded = "/" + std::string(key.path.value) + "/";
    if (key.path.value.starts_with('/')) {
      error(key.path.at, path + ".path: must be a relative path");
    } else if (bounded.find("/../") != std::string::npos) {
      error(key.path.at, path + ".path: must not contain '..'");
    }
    out.items.push_back({.key = std::string(key.key.value),
                         .path = std::string(key.path.value),
                         .mode = file_mode(key.mode, path + ".mode")});
  }
  return out;
}

workflow::Volume Compiler::volume(const argo::Volume& written, const std::string& where) {
  workflow::Volume out{.name = text(written.name, where + ".name"), .at = written.at};
  if (written.empty_dir.set) {
    const std::string_view medium = written.empty_dir.medium.value;
    if (!medium.empty() && medium != "Memory") {
      error(
          written.empty_dir.medium.at,
          where + ".emptyDir.medium must be \"\" or Memory, found \"" + std::string(medium) + "\"");
    }
    out.source = EmptyDirVolume{
        .memory = medium == "Memory",
        .size_limit = quantity(written.empty_dir.size_limit, where + ".emptyDir.sizeLimit")};
  } else if (written.host_path.set) {
    const HostPath& host = written.host_path;
    constexpr std::string_view kTypes[] = {
        "",       "DirectoryOrCreate", "Directory",  "FileOrCreate", "File",
        "Socket", "CharDevice",        "BlockDevice"};
    if (std::find(std::begin(kTypes), std::end(kTypes), host.type.value) == std::end(kTypes)) {
      error(host.type.at,
            where + ".hostPath.type: unknown type \"" + std::string(host.type.value) + "\"");
    }
    if (host.path.empty() && !host.flawed) error(host.at, where + ".hostPath.path is required");
    out.source = HostPathVolume{.path = text(host.path, where + ".hostPath.path"),
                                .type = std::string(host.type.value)};
  } else if (written.secret.set) {
    out.source = object_volume(written.secret, KeyRef::Kind::Secret, where + ".secret");
  } else if (written.config_map.set) {
    out.source = object_volume(written.config_map, KeyRef::Kind::ConfigMap, where + ".configMap");
  } else if (written.claim.set) {
    if (written.claim.claim_name.empty() && !written.claim.flawed) {
      error(written.claim.at, where + ".persistentVolumeClaim.claimName is required");
    }
    out.source = ClaimVolume{
        .claim_name = text(written.claim.claim_name, where + ".persistentVolumeClaim.claimName"),
        .read_only = written.claim.read_only.value};
  }
  return out;
}

std::vector<workflow::Volume> Compiler::volumes(const List<argo::Volume>& written,
                                                const std::string& where) {
  std::vector<workflow::Volume> out;
  std::unordered_map<std::string_view, Mark> seen;
  for (std::size_t i = 0; i < written.value.size(); ++i) {
    const argo::Volume& volume_written = written.value[i];
    const std::string path = item_path(where, i);
    const int sources = volume_written.empty_dir.set + volume_written.host_path.set +
                        volume_written.secret.set + volume_written.config_map.set +
                        volume_written.claim.set;
    if (!volume_written.flawed) {
      if (volume_written.name.empty()) error(volume_written.at, path + ".name is required");
      if (sources == 0) error(volume_written.at, path + ": must specify a volume type");
    }
    if (sources > 1) error(volume_written.at, path + ": may not specify more than 1 volume type");
    if (!volume_written.name.empty()) {
      const auto [first, fresh] = seen.emplace(volume_written.name.value, volume_written.name.at);
      if (!fresh) {
        error(volume_written.name.at, path + ".name '" + std::string(volume_written.name.value) +
                                          "' is not unique, it is also at line " +
                                          std::to_string(first->second.line));
      }
    }
    out.push_back(volume(volume_written, path));
  }
  return out;
}

std::vector<ClaimTemplate> Compiler::claims() {
  std::vector<ClaimTemplate> out;
  std::unordered_map<std::string_view, Mark> seen;
  for (std::size_t i = 0; i < spec_.volume_claim_templates.value.size(); ++i) {
    const VolumeClaim& written = spec_.volume_claim_templates.value[i];
    const std::string path = item_path("spec.volumeClaimTemplates", i);
    const Str& name = written.metadata.name;
    ClaimTemplate claim{.name = std::string(name.value), .at = written.at};
    if (name.empty()) {
      if (!written.flawed && !written.metadata.flawed)
        error(written.at, path + ".metadata.name is required");
    } else if (const std::string bad = check_field_name(name.value); !bad.empty()) {
      error(name.at, path + ".metadata.name: '" + std::string(name.value) + "' is invalid: " + bad);
    } else if (const auto [first, fresh] = seen.emplace(name.value, name.at); !fresh) {
      error(name.at, path + ".metadata.name '" + claim.name +
                         "' is not unique, it is also at line " +
                         std::to_string(first->second.line));
    }
    for (const KeyQuantity& entry : written.spec.resources.requests.value) {
      if (entry.key != "storage") continue;
      claim.storage = entry.value.value;
      (void)quantity(entry.value, path + ".spec.resources.requests.storage");
    }
    out.push_back(std::move(claim));
  }
  return out;
}

}  // namespace gantry::workflow::argo
