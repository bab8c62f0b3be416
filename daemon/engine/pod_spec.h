#pragma once

// A plan's pod template with the values of one call → the pod that the runtime gets.

#include "base/error.h"
#include "base/ids.h"
#include "daemon/engine/call.h"
#include "daemon/engine/engine.h"
#include "workflow/pod_patch.h"
#include "daemon/engine/scope.h"
#include "runtime/pod.h"

namespace gantry::engine {

struct BuiltPod {
  runtime::PodSpec spec;
  /// What varies between the pods of the template are texts that always render: once one could be built, all can, and all want
  /// the same of the host.
  bool steady = true;
  TextsHash texts;  ///< of all that the template and the patch say
};

/// Fails when a text cannot be rendered, a quantity does not parse, or a mount names a volume that does not exist
/// (`volume 'x' not found in workflow spec`). References to Secrets and ConfigMaps stay references.
/// `patch` (null: none) is laid over the template's pod.
Result<BuiltPod> build_pod(const Live& live, const Call& call, const CallScope& scope, const Settings& settings,
                           const workflow::PodPatch* patch = nullptr);

/// The label of a pod's containers that says what the pod was made of. Before the intent to start a pod is stored its inputs
/// may be others in the next life of the daemon: what that finds under the pod's name is then made anew (runtime.h, prepare).
inline constexpr const char* kSpecHashLabel = "gantry.io/spec-hash";

/// $ARGO_PROGRESS_FILE of main containers: `N/M`, how far the program is (argo-workflows docs/progress.md). It is
/// the OutputFile of that name, read while the pod runs and when it has ended.
inline constexpr const char* kProgressFile = "/var/run/argo/progress";
inline constexpr const char* kProgressOutput = "$ARGO_PROGRESS_FILE";

/// The container whose file an output is: `main`, or in a set without one the first that has a volume there.
std::string container_of_path(const runtime::PodSpec& pod, const std::string& path);

}  // namespace gantry::engine
