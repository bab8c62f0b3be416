#include "daemon/engine/pod_patch.h"

#include <utility>

#include "daemon/engine/call.h"

namespace gantry::engine {

Result<std::optional<workflow::PodPatch>> pod_patch_of(const Live& live, const Call& call, const CallScope& scope) {
  const workflow::Plan& plan = *live.run.plan;
  std::optional<workflow::PodPatch> out;
  for (const auto* text : {&plan.pod_spec_patch, &plan.pods[call.tmpl->body].patch}) {
    if (!*text) continue;
    auto rendered = render(**text, scope);
    if (!rendered) return fail(std::move(rendered.error()).wrap("Failed to substitute the PodSpecPatch variables"));
    auto patch = workflow::parse_pod_patch(*rendered);
    if (!patch) return fail(std::move(patch.error()).wrap("Error applying PodSpecPatch"));
    if (out) {
      workflow::merge(*out, std::move(*patch));
    } else {
      out = std::move(*patch);
    }
  }
  return out;
}

}  // namespace gantry::engine
