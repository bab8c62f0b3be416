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

/// What a pod of the template asks for, as far as it is known.
struct Asked {
  std::optional<scheduler::Amounts> amounts;  ///< nothing: it depends on variables
  std::optional<std::string> unknown;         ///< it asks for what no host of this configuration has
};

/// What a container asks for of one resource, in `unknown` if this host has no such thing.
void add_named(const Host& host, const std::string& name, std::int64_t wanted, scheduler::Amounts& amounts,
               std::optional<std::string>& unknown) {
  if (wanted == 0) return;
  if (const auto place = host.place_of(name)) {
    amounts.named[*place] += wanted;
  } else if (!unknown) {
    unknown = host.offers_none(name, wanted);
  }
}

Asked asked_by(const workflow::PodTemplate& pod, const Host& host) {
  Asked asked;
  PodAmounts sum;
  bool known = true;
  const auto add = [&](const workflow::Container& container) {
    const workflow::Resources& r = container.resources;
    const auto cpu = literal(r.requests.cpu, r.limits.cpu, workflow::parse_cpu_milli);
    const auto memory = literal(r.requests.memory, r.limits.memory, workflow::parse_bytes);
    known &= cpu && memory;
    scheduler::Amounts amounts{cpu.value_or(0), memory.value_or(0), 0};
    if (host.capacity.pids > 0) amounts.pids = host.default_pids;
    for (const auto& [name, amount] : r.limits.extended) {
      const auto wanted = literal(std::nullopt, amount, workflow::parse_whole);
      known &= wanted.has_value();
      add_named(host, name, wanted.value_or(0), amounts, asked.unknown);
    }
    sum.add(container.role == workflow::Container::Role::Init, amounts);
  };
  if (pod.set.empty()) add(pod.main);
  for (const workflow::Container& container : pod.set) add(container);
  for (const workflow::Container& container : pod.beside) add(container);
  if (!known) return asked;
  scheduler::Amounts total = sum.total();
  // What is said of the pod as a whole counts instead.
  const workflow::Resources& whole = pod.pod_resources;
  const auto cpu = literal(whole.requests.cpu, whole.limits.cpu, workflow::parse_cpu_milli);
  const auto memory = literal(whole.requests.memory, whole.limits.memory, workflow::parse_bytes);
  if (!cpu || !memory) return asked;
  if (*cpu != 0) total.cpu_milli = *cpu;
  if (*memory != 0) total.memory_bytes = *memory;
  asked.amounts = total;
  return asked;
}

}  // namespace

void PodAmounts::add(bool init, const scheduler::Amounts& container) {
  scheduler::Amounts amounts = container;
  amounts.slots = 0;
  if (!init) {
    together_ += amounts;
    return;
  }
  init_.raise_to(amounts);
}

Result<scheduler::Amounts> amounts_of(const runtime::PodSpec& pod, const Host& host) {
  PodAmounts sum;
  std::optional<std::string> unknown;
  for (const runtime::ContainerSpec& container : pod.containers) {
    const runtime::Resources& resources = container.resources;
    scheduler::Amounts amounts{resources.cpu_request_milli, resources.memory_request_bytes, 0};
    if (host.capacity.pids > 0) amounts.pids = resources.pids_limit > 0 ? resources.pids_limit : host.default_pids;
    for (const auto& [name, wanted] : resources.extended) add_named(host, name, wanted, amounts, unknown);
    sum.add(container.role == runtime::Role::Init, amounts);
  }
  if (unknown) return fail(Code::ResourceExhausted, "can never start: " + *unknown);
  return sum.total();
}

std::optional<std::string> impossible(const scheduler::Amounts& wanted, const scheduler::Admission& ledger, const Host& host) {
  const scheduler::Amounts& offered = ledger.capacity();
  for (std::size_t i = 0; i < host.resources.size(); ++i) {
    if (wanted.named[i] <= offered.named[i]) continue;
    return "requests " + std::to_string(wanted.named[i]) + " of " + host.resources[i].name + ", this host offers " +
           std::to_string(offered.named[i]);
  }
  return ledger.impossible(wanted);
}

void check_fit(const workflow::Plan& plan, const Host& host, workflow::Diagnostics& diagnostics) {
  const scheduler::Admission ledger(host.capacity);
  for (const Index index : reachable(plan)) {
    const workflow::Template& tmpl = plan.templates[index];
    if (tmpl.kind != workflow::Template::Kind::Pod) continue;
    const workflow::PodTemplate& pod = plan.pods[tmpl.body];
    if (plan.pod_spec_patch || pod.patch) continue;
    const Asked asked = asked_by(pod, host);
    auto why = asked.unknown;
    if (!why && asked.amounts) why = impossible(*asked.amounts, ledger, host);
    if (why) {
      const std::string name = tmpl.name.empty() ? "an inline template" : "template " + tmpl.name;
      diagnostics.error(pod.set.empty() ? pod.main.at : tmpl.at, name + " can never start: it " + *why);
    }
  }
}

}  // namespace gantry::engine
