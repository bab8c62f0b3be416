#include "workflow/pod_patch.h"

#include <algorithm>
#include <utility>

#include "workflow/argo/compiler.h"
#include "workflow/argo/reader.h"

namespace gantry::workflow {
namespace argo {

/// Reads a patch with the words of a template's own containers and volumes.
class PatchReader {
 public:
  explicit PatchReader(Diagnostics& diagnostics)
      : libraries_(nullptr, false), compiler_(workflow_, options_, libraries_, diagnostics) {
    workflow_.spec.flawed = true;  // a container needs no image here
  }

  PodPatch read(const PodSpecPatch& written) {
    PodPatch out;
    out.containers = containers(written.containers, "containers");
    out.init_containers = containers(written.init_containers, "initContainers");
    out.volumes = compiler_.volumes(written.volumes, "volumes");
    if (written.active_deadline_seconds.set) out.active_deadline_seconds = written.active_deadline_seconds.value;
    if (written.termination_grace_seconds.set) out.termination_grace_seconds = written.termination_grace_seconds.value;
    if (written.host_network.set) out.host_network = written.host_network.value;
    out.security = compiler_.security(written.security_context, "securityContext");
    out.host_aliases = compiler_.host_aliases(written.host_aliases, "hostAliases");
    for (const LocalObjectReference& secret : written.image_pull_secrets.value) {
      out.image_pull_secrets.push_back(Text::literal(std::string(secret.name.value)));
    }
    return out;
  }

 private:
  std::vector<workflow::Container> containers(const List<Container>& written, const std::string& where) {
    std::vector<workflow::Container> out;
    for (std::size_t i = 0; i < written.value.size(); ++i) {
      const Container& one = written.value[i];
      const std::string path = item_path(where, i);
      if (one.name.empty()) compiler_.error(one.at, path + ".name is required");
      out.push_back(compiler_.container(one, path));
      out.back().name = std::string(one.name.value);
    }
    return out;
  }

  Workflow workflow_;
  Options options_;
  Libraries libraries_;
  Compiler compiler_;
};

}  // namespace argo

namespace {

template <class T>
void replace(std::optional<T>& under, const std::optional<T>& over) {
  if (over) under = over;
}
template <class T>
void replace(std::vector<T>& under, const std::vector<T>& over) {
  if (!over.empty()) under = over;
}
void replace(Text& under, const Text& over) {
  if (!over.empty()) under = over;
}

/// Each item of `over` takes the place of the one that is the `same`, or comes last.
template <class T, class Same>
void replace_items(std::vector<T>& under, const std::vector<T>& over, Same same) {
  for (const T& item : over) {
    const auto found = std::find_if(under.begin(), under.end(), [&](const T& other) { return same(other, item); });
    if (found != under.end()) {
      *found = item;
    } else {
      under.push_back(item);
    }
  }
}

void merge(Resources::Amounts& under, const Resources::Amounts& over) {
  replace(under.cpu, over.cpu);
  replace(under.memory, over.memory);
  replace(under.ephemeral_storage, over.ephemeral_storage);
  replace_items(under.extended, over.extended, [](const auto& a, const auto& b) { return a.first == b.first; });
}

void merge(SecurityContext& under, const SecurityContext& over) {
  replace(under.run_as_user, over.run_as_user);
  replace(under.run_as_group, over.run_as_group);
  replace(under.fs_group, over.fs_group);
  replace(under.supplemental_groups, over.supplemental_groups);
  replace(under.run_as_non_root, over.run_as_non_root);
  replace(under.privileged, over.privileged);
  replace(under.allow_privilege_escalation, over.allow_privilege_escalation);
  replace(under.read_only_root_filesystem, over.read_only_root_filesystem);
  replace(under.capabilities_add, over.capabilities_add);
  replace(under.capabilities_drop, over.capabilities_drop);
  replace(under.seccomp_type, over.seccomp_type);
}

void merge(Container& under, const Container& over) {
  replace(under.image, over.image);
  replace(under.pull_policy, over.pull_policy);
  replace(under.command, over.command);
  replace(under.args, over.args);
  replace(under.working_dir, over.working_dir);
  under.env_from.insert(under.env_from.end(), over.env_from.begin(), over.env_from.end());
  replace_items(under.env, over.env, [](const EnvVar& a, const EnvVar& b) { return a.name == b.name; });
  replace_items(under.mounts, over.mounts, [](const VolumeMount& a, const VolumeMount& b) {
    return a.mount_path.source() == b.mount_path.source();
  });
  merge(under.resources.requests, over.resources.requests);
  merge(under.resources.limits, over.resources.limits);
  merge(under.security, over.security);
  replace(under.readiness_probe, over.readiness_probe);
  replace(under.liveness_probe, over.liveness_probe);
  replace(under.startup_probe, over.startup_probe);
  replace(under.post_start, over.post_start);
  replace(under.pre_stop, over.pre_stop);
  under.tty |= over.tty;
  under.stdin_open |= over.stdin_open;
}

void merge_named(std::vector<Container>& under, std::vector<Container>& over) {
  for (Container& container : over) {
    const auto found =
        std::find_if(under.begin(), under.end(), [&](const Container& c) { return c.name == container.name; });
    if (found != under.end()) {
      merge(*found, container);
    } else {
      under.push_back(std::move(container));
    }
  }
}

bool is_same_volume(const Volume& a, const Volume& b) { return a.name.source() == b.name.source(); }

}  // namespace

Result<PodPatch> parse_pod_patch(std::string_view text) {
  const auto invalid = [&](const std::string& why) {
    return fail(Code::InvalidArgument, "invalid podSpecPatch \"" + std::string(text) + "\": " + why);
  };
  const auto first_error = [](const Diagnostics& diagnostics) -> std::string {
    for (const Diagnostic& item : diagnostics.items()) {
      if (item.severity == Diagnostic::Severity::Error) return item.message;
    }
    return "";
  };
  Diagnostics diagnostics;
  Document document = Document::parse_yaml(text, Limits{}, diagnostics);
  if (diagnostics.has_errors()) return invalid(first_error(diagnostics));
  if (document.roots().empty()) return PodPatch();
  if (document.roots().size() > 1) return invalid("more than one document");
  argo::Reader reader(document, {}, diagnostics);
  argo::PodSpecPatch written;
  argo::read(reader, *document.roots().front(), written);
  if (diagnostics.has_errors()) return invalid(first_error(diagnostics));
  PodPatch patch = argo::PatchReader(diagnostics).read(written);
  if (diagnostics.has_errors()) return invalid(first_error(diagnostics));
  return patch;
}

void merge(PodPatch& under, PodPatch over) {
  merge_named(under.containers, over.containers);
  merge_named(under.init_containers, over.init_containers);
  replace_items(under.volumes, over.volumes, is_same_volume);
  replace(under.active_deadline_seconds, over.active_deadline_seconds);
  replace(under.termination_grace_seconds, over.termination_grace_seconds);
  replace(under.host_network, over.host_network);
  merge(under.security, over.security);
  replace_items(under.host_aliases, over.host_aliases,
                [](const HostAlias& a, const HostAlias& b) { return a.ip.source() == b.ip.source(); });
  replace_items(under.image_pull_secrets, over.image_pull_secrets,
                [](const Text& a, const Text& b) { return a.source() == b.source(); });
}

Result<void> apply_patch(const PodPatch& patch, PodTemplate& pod) {
  const auto find = [&](const std::string& name) -> Container* {
    if (pod.set.empty() && name == pod.main.name) return &pod.main;
    for (auto* list : {&pod.set, &pod.beside}) {
      for (Container& container : *list) {
        if (container.name == name) return &container;
      }
    }
    return nullptr;
  };
  for (const auto* list : {&patch.containers, &patch.init_containers}) {
    for (const Container& change : *list) {
      if (Container* container = find(change.name)) {
        merge(*container, change);
      } else if (change.name != "wait" && change.name != "init") {
        return fail(Code::InvalidArgument, "podSpecPatch: the pod has no container \"" + change.name + "\"");
      }
    }
  }
  replace_items(pod.volumes, patch.volumes, is_same_volume);
  merge(pod.security, patch.security);
  pod.host_aliases.insert(pod.host_aliases.end(), patch.host_aliases.begin(), patch.host_aliases.end());
  return {};
}

}  // namespace gantry::workflow
