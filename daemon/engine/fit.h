#pragma once

// What pods ask the host for, and whether it can ever have it. Pure.

#include <cstdint>

#include "runtime/pod.h"
#include "scheduler/amounts.h"
#include "workflow/diagnostic.h"
#include "workflow/plan.h"

namespace gantry::engine {

/// Adds up containers as Kubernetes does: main containers and sidecars run together, an init container before them, and
/// alone (k8s.io/component-helpers resource.PodRequests).
class PodAmounts {
 public:
  void add(bool init, std::int64_t cpu_milli, std::int64_t memory_bytes);
  [[nodiscard]] scheduler::Amounts total() const;

 private:
  scheduler::Amounts together_{0, 0, 1};
  std::int64_t init_cpu_milli_ = 0, init_memory_bytes_ = 0;
};

scheduler::Amounts amounts_of(const runtime::PodSpec& pod);

/// An error for each template that the plan may run and whose pod this host never has room for, as far as that is known
/// before it runs: a request that holds variables, or may be patched, is looked at when the pod is made.
void check_fit(const workflow::Plan& plan, const scheduler::Amounts& capacity, workflow::Diagnostics& diagnostics);

}  // namespace gantry::engine
