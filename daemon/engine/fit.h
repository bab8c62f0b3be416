#pragma once

// What pods ask the host for, and whether it can ever have it. Pure.

#include <optional>
#include <string>

#include "base/error.h"
#include "daemon/engine/host.h"
#include "runtime/pod.h"
#include "scheduler/admission.h"
#include "workflow/diagnostic.h"
#include "workflow/plan.h"

namespace gantry::engine {

/// Adds up containers as Kubernetes does: main containers and sidecars run together, an init container before them, and
/// alone (k8s.io/component-helpers resource.PodRequests).
class PodAmounts {
 public:
  /// The slots of a container do not count: a pod takes one.
  void add(bool init, const scheduler::Amounts& container);
  [[nodiscard]] scheduler::Amounts total() const { return scheduler::Amounts(together_).raise_to(init_); }

 private:
  scheduler::Amounts together_{0, 0, 1}, init_{0, 0, 1};
};

/// ResourceExhausted: it asks for a resource that this host does not know ("can never start: requests …").
Result<scheduler::Amounts> amounts_of(const runtime::PodSpec& pod, const Host& host);

/// Why `wanted` can never be granted by the ledger of this host, or nothing when it can.
std::optional<std::string> impossible(const scheduler::Amounts& wanted, const scheduler::Admission& ledger, const Host& host);

/// An error for each template that the plan may run and whose pod this host never has room for, as far as that is known
/// before it runs: a request that holds variables, or may be patched, is looked at when the pod is made.
void check_fit(const workflow::Plan& plan, const Host& host, workflow::Diagnostics& diagnostics);

}  // namespace gantry::engine
