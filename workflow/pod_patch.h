#pragma once

// podSpecPatch: what a workflow or a template lays over the pods that are made (argo-workflows workflow/util
// ApplyPodSpecPatch: Kubernetes' strategic merge patch). Pure.
//
// The patch is a text, which is YAML or JSON only once its variables are replaced; so it is parsed when the pod is made.
// Containers are merged by name, env by name, volumeMounts by mountPath, volumes by name, resources key by key; lists
// like command and args are replaced. Directives (`$patch`) and deleting by null are not there: the first is an error,
// the second changes nothing. Patches of `wait` and `init`, the executor's own containers upstream, have no effect.

#include <optional>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "workflow/pod_template.h"

namespace gantry::workflow {

struct PodPatch {
  std::vector<Container> containers;  ///< what is absent in them stays as it is
  std::vector<Container> init_containers;
  std::vector<Volume> volumes;
  std::optional<std::int64_t> active_deadline_seconds;
  std::optional<std::int64_t> termination_grace_seconds;
  std::optional<bool> host_network;
  SecurityContext security;
  std::vector<HostAlias> host_aliases;
  std::vector<Text> image_pull_secrets;
};

/// InvalidArgument: `invalid podSpecPatch "…": …`.
Result<PodPatch> parse_pod_patch(std::string_view text);

/// Lays `over` over `under`.
void merge(PodPatch& under, PodPatch over);

/// Changes the containers, volumes and aliases of `pod`; what is not a PodTemplate's stays in the patch. InvalidArgument
/// when the pod has no container of a name that the patch has.
Result<void> apply_patch(const PodPatch& patch, PodTemplate& pod);

}  // namespace gantry::workflow
