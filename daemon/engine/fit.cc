#include "daemon/engine/fit.h"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "scheduler/admission.h"
#include "workflow/quantity.h"

namespace gantry::engine {
namespace {

using workflow::Index;
using workflow::kNone;

/// The templates that a run may come to.
std::vector<Index> reachable(const workflow::Plan& plan) {
  std::vector<bool> seen(plan.templates.size());
  std::vector<Index> found;
  const auto visit = [&](Index tmpl) {
    if (tmpl == kNone || seen[tmpl]) return;
    seen[tmpl] = true;
    found.push_back(tmpl);
  };
  visit(plan.entrypoint);
  for (const workflow::Hook& hook : plan.hooks) visit(hook.callee);
  for (std::size_t i = 0; i < found.size(); ++i) {
    const workflow::Template& tmpl = plan.templates[found[i]];
    if (tmpl.kind != workflow::Template::Kind::Graph) continue;
    for (const workflow::Task& task : plan.graphs[tmpl.body].tasks) {
      visit(task.callee);
      for (const workflow::Hook& hook : task.hooks) visit(hook.callee);
    }
  }
  return found;
}

/// Nothing when it holds variables. A limit without a request is the request.
std::optional<std::int64_t> literal(const std::optional<workflow::Text>& request, const std::optional<workflow::Text>& limit,
                                    Result<std::int64_t> (*parse)(std::string_view)) {
  const std::optional<workflow::Text>& source = request ? request : limit;
  if (!source) return 0;
  if (!source->is_literal()) return std::nullopt;
  const auto value = parse(source->source());
  return value ? std::optional(*value) : std::nullopt;
}

std::optional<scheduler::Amounts> amounts_of(const workflow::PodTemplate& pod) {
  PodAmounts sum;
  bool known = true;
  const auto add = [&](const workflow::Container& container) {
    const workflow::Resources& r = container.resources;
    const auto cpu = literal(r.requests.cpu, r.limits.cpu, workflow::parse_cpu_milli);
    const auto memory = literal(r.requests.memory, r.limits.memory, workflow::parse_bytes);
    known &= cpu && memory;
    sum.add(container.role == workflow::Container::Role::Init, cpu.value_or(0), memory.value_or(0));
  };
  if (pod.set.empty()) add(pod.main);
  for (const workflow::Container& container : pod.set) add(container);
  for (const workflow::Container& container : pod.beside) add(container);
  if (!known) return std::nullopt;
  scheduler::Amounts total = sum.total();
  // What is said of the pod as a whole counts instead.
  const workflow::Resources& whole = pod.pod_resources;
  const auto cpu = literal(whole.requests.cpu, whole.limits.cpu, workflow::parse_cpu_milli);
  const auto memory = literal(whole.requests.memory, whole.limits.memory, workflow::parse_bytes);
  if (!cpu || !memory) return std::nullopt;
  if (*cpu != 0) total.cpu_milli = *cpu;
  if (*memory != 0) total.memory_bytes = *memory;
  return total;
}

}  // namespace

void PodAmounts::add(bool init, std::int64_t cpu_milli, std::int64_t memory_bytes) {
  if (init) {
    init_cpu_milli_ = std::max(init_cpu_milli_, cpu_milli);
    init_memory_bytes_ = std::max(init_memory_bytes_, memory_bytes);
  } else {
    together_.cpu_milli += cpu_milli;
    together_.memory_bytes += memory_bytes;
  }
}

scheduler::Amounts PodAmounts::total() const {
  scheduler::Amounts total = together_;
  total.cpu_milli = std::max(total.cpu_milli, init_cpu_milli_);
  total.memory_bytes = std::max(total.memory_bytes, init_memory_bytes_);
  return total;
}

scheduler::Amounts amounts_of(const runtime::PodSpec& pod) {
  PodAmounts sum;
  for (const runtime::ContainerSpec& container : pod.containers) {
    sum.add(container.role == runtime::Role::Init, container.resources.cpu_request_milli,
            container.resources.memory_request_bytes);
  }
  return sum.total();
}

void check_fit(const workflow::Plan& plan, const scheduler::Amounts& capacity, workflow::Diagnostics& diagnostics) {
  const scheduler::Admission host(capacity);
  for (const Index index : reachable(plan)) {
    const workflow::Template& tmpl = plan.templates[index];
    if (tmpl.kind != workflow::Template::Kind::Pod) continue;
    const workflow::PodTemplate& pod = plan.pods[tmpl.body];
    if (plan.pod_spec_patch || pod.patch) continue;
    const auto wanted = amounts_of(pod);
    if (!wanted) continue;
    if (auto why = host.impossible(*wanted)) {
      const std::string name = tmpl.name.empty() ? "an inline template" : "template " + tmpl.name;
      diagnostics.error(pod.set.empty() ? pod.main.at : tmpl.at, name + " can never start: it " + *why);
    }
  }
}

}  // namespace gantry::engine
