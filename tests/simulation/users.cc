#include "tests/simulation/users.h"

#include <algorithm>

#include "base/ids.h"
#include "daemon/engine/carry_over.h"

namespace gantry::testing {

using engine::Engine;
using engine::Shutdown;

void Users::submit(const std::string& run, const model::Workflow& workflow, workflow::PlanPtr plan) {
  runs_[run].workflow = &workflow;
  runs_[run].plan = plan;
  watch_.add(run, workflow);
  world_.submit(run, std::move(plan));
}

bool Users::is_over(const std::string& run) const {
  const engine::Run* live = world_.engine().find_uid(run);
  if (live != nullptr && !engine::is_ended(live->status.phase)) return false;
  const auto stored = world_.stored().find(run);
  if (stored == world_.stored().end() || !engine::is_ended(stored->second.status.phase)) return false;
  return live == nullptr || live->status.retries == stored->second.status.retries;  // or its end is not committed yet
}

bool Users::step() {
  if (gave_up() || !world_.step()) return false;
  ++steps_;
  return true;
}

void Users::live(const std::vector<Disturbance>& disturbances) {
  auto next = disturbances.begin();
  for (std::size_t now = 0;; ++now) {
    for (; next != disturbances.end() && next->step <= now; ++next) disturb(*next);
    if (step()) continue;
    if (gave_up()) return;
    if (next != disturbances.end()) {
      now = std::max(now, next->step);  // nothing happens any more before that
      disturb(*next++);
    } else if (!resume_all()) {
      return;
    }
  }
}

/// Whoever waits for a user goes on. False when nobody does.
bool Users::resume_all() {
  bool any = false;
  for (auto& [run, known] : runs_) {
    if (known.deleted || !world_.stored().contains(run) || is_over(run)) continue;
    const auto supplies = [&, &known = known](const engine::Run&, const engine::Node& node) {
      const model::Template* tmpl = known.workflow->find(node.template_name);
      if (tmpl == nullptr || !tmpl->supplied || mix(seed_, fnv32a(node.name)) % 2 == 0) return false;
      known.lives.back().supplied.insert(node.name);
      return true;
    };
    Engine::NodeChange given;
    given.outputs = {{"x", "given"}};
    world_.apply(world_.engine().set_nodes(run, supplies, given, world_.now()));
    any |= world_.apply(world_.engine().resume(run, {}, "", world_.now())).empty();
  }
  // Commands that change nothing are committed, too; a few of them in a row, and it hangs.
  if (any) ++idle_;
  if (idle_ > 60) return false;
  return any;
}

void Users::disturb(const Disturbance& disturbance) {
  using Kind = Disturbance::Kind;
  if (disturbance.kind == Kind::Crash) return crash();
  const std::string run = "wf" + std::to_string(disturbance.run);
  if (!runs_.contains(run) || runs_.at(run).deleted || !world_.stored().contains(run)) return;
  switch (disturbance.kind) {
    case Kind::Stop: return shut_down(run, Shutdown::Stop);
    case Kind::Terminate: return shut_down(run, Shutdown::Terminate);
    case Kind::Suspend: world_.apply(world_.engine().suspend(run, world_.now())); return;
    case Kind::Resume: world_.apply(world_.engine().resume(run, {}, "", world_.now())); return;
    case Kind::ResumeNodes:
    case Kind::FailNodes:
    case Kind::SetNodes: return change_nodes(run, disturbance);
    case Kind::Retry: return retry(run, disturbance.roll);
    case Kind::Resubmit: return resubmit(run);
    case Kind::Delete: return remove(run);
    case Kind::Crash: break;
  }
}

/// What was not committed is void, and so is what was done to runs since.
void Users::crash() {
  world_.crash();
  for (auto& [run, known] : runs_) {
    const auto stored = world_.stored().find(run);
    if (stored == world_.stored().end()) {
      if (known.deleted) continue;
      // The client got no answer, and does it again.
      known.lives.assign(1, {});
      if (known.resubmitted_from.empty()) {
        world_.submit(run, known.plan);
      } else if (world_.stored().contains(known.resubmitted_from)) {
        world_.resubmit(known.resubmitted_from, run);
      }
    } else {
      known.deleted = false;
      known.lives.resize(stored->second.status.retries + 1);
      Interference& life = known.lives.back();
      if (stored->second.status.shutdown == Shutdown::None) life.stopped.reset();
      if (stored->second.status.shutdown != Shutdown::Terminate) life.terminated.reset();
    }
    for (Interference& life : known.lives) life.crashed = true;
  }
}

void Users::shut_down(const std::string& run, Shutdown how) {
  auto output = world_.engine().shut_down(run, how, world_.now());
  if (!world_.apply(std::move(output)).empty()) return;
  Interference& life = runs_.at(run).lives.back();
  auto& at = how == Shutdown::Stop ? life.stopped : life.terminated;
  if (how == Shutdown::Stop && life.terminated) return;  // changes nothing
  if (!at) at = world_.now();
}

/// Some of the Suspend nodes that wait are resumed, failed, or given outputs or a phase.
void Users::change_nodes(const std::string& run, const Disturbance& disturbance) {
  using Kind = Disturbance::Kind;
  Known& known = runs_.at(run);
  std::vector<std::string> names;
  const bool supply = disturbance.kind == Kind::SetNodes && disturbance.roll % 2 == 0;
  const auto wanted = [&](const engine::Run&, const engine::Node& node) {
    const model::Template* tmpl = known.workflow->find(node.template_name);
    if (supply && (tmpl == nullptr || !tmpl->supplied)) return false;
    if (mix(disturbance.roll, fnv32a(node.name)) % 3 == 0) return false;
    names.push_back(node.name);
    return true;
  };
  Interference& life = known.lives.back();
  if (disturbance.kind == Kind::ResumeNodes) {
    world_.apply(world_.engine().resume(run, wanted, "", world_.now()));
    return;
  }
  if (disturbance.kind == Kind::FailNodes) {
    if (!world_.apply(world_.engine().fail_suspended(run, wanted, "no", world_.now())).empty()) return;
    for (const std::string& name : names) life.set[name] = Phase::Failed;
    return;
  }
  Engine::NodeChange change;
  constexpr Phase kPhases[] = {Phase::Succeeded, Phase::Failed, Phase::Error};
  if (supply) change.outputs = {{"x", "given"}};
  if (!supply) change.phase = kPhases[disturbance.roll % 3];
  if (!world_.apply(world_.engine().set_nodes(run, wanted, change, world_.now())).empty()) return;
  for (const std::string& name : names) {
    if (supply) life.supplied.insert(name);
    if (change.phase) life.set[name] = *change.phase;
  }
}

void Users::retry(const std::string& run, std::uint64_t roll) {
  if (!is_over(run)) return;
  engine::RetryRequest request;
  if (roll % 4 == 0) {
    request.restart_successful = true;
    request.selected = [roll](const engine::Node& node) { return mix(roll, fnv32a(node.name)) % 5 == 0; };
  }
  if (!world_.retry(run, request).empty()) return;
  Known& known = runs_.at(run);
  Interference next;
  next.crashed = known.lives.back().crashed;
  next.retries = static_cast<std::uint32_t>(known.lives.size());
  next.set = known.lives.back().set;
  next.supplied = known.lives.back().supplied;
  known.lives.push_back(std::move(next));
}

void Users::resubmit(const std::string& run) {
  const std::string name = run + "-again";
  if (!is_over(run) || runs_.contains(name) || !engine::check_memoized(world_.stored().at(run).status.phase)) return;
  Known& known = runs_[name];
  known.workflow = runs_.at(run).workflow;
  known.plan = runs_.at(run).plan;
  known.resubmitted_from = run;
  watch_.add(name, *known.workflow);
  world_.resubmit(run, name);
}

void Users::remove(const std::string& run) {
  runs_.at(run).deleted = true;
  watch_.deleted(run);
  world_.forget(run);
}

Interference Users::interference(const std::string& run) const {
  Interference life = runs_.at(run).lives.back();
  // A crash may have undone what was set; then the node went its own way.
  const auto& nodes = world_.stored().at(run).nodes;
  std::erase_if(life.set, [&](const auto& set) { return !nodes.contains(set.first) || nodes.at(set.first).phase != set.second; });
  std::erase_if(life.supplied, [&](const std::string& name) {
    return !nodes.contains(name) || parameter_of(nodes.at(name), "x") != "given";
  });
  return life;
}

}  // namespace gantry::testing
