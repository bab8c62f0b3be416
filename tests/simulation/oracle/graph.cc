#include <algorithm>

#include "tests/simulation/oracle/impl.h"

namespace gantry::testing {

Verdict Oracle::graph(const Template& tmpl, const Node& node, const std::string& input, Role role) {
  Frame frame{tmpl, node.name, input, role.in_exit, {}, false, false};
  const Phase phase = tmpl.kind == Template::Kind::Steps ? steps(frame) : dag(frame);
  if (frame.incomplete && !is_cut(node, role.in_exit) && !(tmpl.fail_fast && frame.any_failed)) {
    complain(node.name + ": something in it was not begun");
  }
  Verdict verdict = Verdict::of(phase);
  if (phase == Phase::Succeeded && !outputs(frame, verdict)) verdict = Verdict::of(Phase::Error);
  return verdict;
}

/// False: one of them has neither a value nor a default.
bool Oracle::outputs(Frame& frame, Verdict& verdict) {
  for (const model::GraphOutput& output : frame.tmpl.outputs) {
    const Found value = lookup(frame, output.from, nullptr);
    if (value.is_present()) {
      verdict.parameters[output.name] = value.text;
    } else if (output.fallback) {
      verdict.parameters[output.name] = *output.fallback;
    } else {
      return false;
    }
  }
  return true;
}

// ---- steps ----

Phase Oracle::steps(Frame& frame) {
  for (std::size_t g = 0; g < frame.tmpl.groups.size(); ++g) {
    if (!open_group(frame, g)) return Phase::Failed;
    if (frame.incomplete) return Phase::Failed;
  }
  return Phase::Succeeded;
}

/// Whether one of the members of a group could not begin. Those that have begun are judged; no other one begins.
bool Oracle::cannot_begin(Frame& frame, const Resolved& resolved) {
  std::vector<std::pair<const Call*, const Member*>> begun;
  bool found = false;
  for (const auto& [call, members] : resolved) {
    for (const Member& member : members) {
      const Node* node = find(full_name(frame, *call, member));
      if (node == nullptr || member.skipped) continue;
      begun.emplace_back(call, &member);
      found |= never_began(*node);
    }
  }
  if (!found) return false;
  for (const auto& [call, member] : begun) {
    const Template& callee = *case_.workflow.find(call->callee);
    Role role;
    role.in_exit = frame.in_exit;
    role.task = true;
    begin(callee, full_name(frame, *call, *member),
          member->argument ? *member->argument : callee.input_default.value_or(""), role);
  }
  return true;
}

/// Whether the step's failure is none of its group's.
bool Oracle::continues(const Call& call, Phase phase) {
  return phase == Phase::Failed ? call.continue_failed : call.continue_error;
}

/// Whether no member of a group that could not begin whole keeps it from succeeding.
bool Oracle::goes_on(const Frame& frame, const Resolved& resolved) const {
  if (frame.tmpl.fail_fast) return false;
  for (const auto& [call, members] : resolved) {
    for (const Member& member : members) {
      const Node* node = find(full_name(frame, *call, member));
      if (node == nullptr) return false;
      if (workflow::is_failed_or_error(node->phase) && !continues(*call, node->phase)) return false;
    }
  }
  return true;
}

/// False: the group was no success.
bool Oracle::open_group(Frame& frame, std::size_t number) {
  const std::string name = frame.name + "[" + std::to_string(number) + "]";
  const Node* group = find(name);
  if (group == nullptr) {
    frame.incomplete = true;
    return false;
  }
  seen_.insert(name);
  const auto verdict_of = [&](Phase phase) {
    Verdict verdict = Verdict::of(phase);
    if (!is_cut(*group, frame.in_exit)) return verdict;
    verdict.phases.insert(Phase::Failed);
    if (frame.tmpl.fail_fast) verdict.phases.insert(Phase::Succeeded);  // whichever came first
    return verdict;
  };
  // All members are resolved before one of them begins.
  Resolved resolved;
  for (const Call& call : frame.tmpl.groups[number]) {
    auto members = resolve(frame, call);
    if (!members) {
      check(*group, verdict_of(Phase::Error));
      accept_below(name);  // the member that cannot begin may have a node that says so, and those before it may run
      return false;
    }
    resolved.emplace_back(&call, std::move(*members));
  }
  if (cannot_begin(frame, resolved)) {
    Verdict verdict = verdict_of(Phase::Error);
    if (frame.tmpl.fail_fast) verdict.phases.insert(Phase::Failed);  // whichever came first
    // What the deadline ended before it was asked whether it fits counts as any other member.
    if (is_cut(*group, frame.in_exit) && goes_on(frame, resolved)) verdict.phases.insert(Phase::Succeeded);
    check(*group, verdict);
    accept_below(name);  // who had begun by then is a matter of timing
    return false;
  }
  bool good = true;
  for (const auto& [call, members] : resolved) {
    run_members(frame, *call, members, nullptr);
    const Done& done = frame.done.at(call->name);
    const auto look = [&](const Outcome& one) {
      if (!one.failed()) return;
      good &= continues(*call, one.phase()) && !frame.tmpl.fail_fast;
    };
    if (done.members.empty()) look(done.whole);
    for (const Outcome& member : done.members) look(member);
  }
  if (frame.incomplete) good = false;
  check(*group, frame.incomplete ? Verdict{{Phase::Failed}, false, {}, {}, {}, {}}
                                 : verdict_of(good ? Phase::Succeeded : Phase::Failed));
  return good;
}

// ---- dag ----

static void add_ancestors(const Template& tmpl, const std::string& task, std::set<std::string>& needed);

static void add_mentioned(const Template& tmpl, const model::Depends& depends, std::set<std::string>& needed) {
  if (depends.kind == model::Depends::Kind::Task) add_ancestors(tmpl, depends.task, needed);
  for (const model::Depends& part : depends.parts) add_mentioned(tmpl, part, needed);
}

static void add_ancestors(const Template& tmpl, const std::string& task, std::set<std::string>& needed) {
  if (!needed.insert(task).second) return;
  for (const Call& call : tmpl.groups.front()) {
    if (call.name == task) add_mentioned(tmpl, call.depends, needed);
  }
}

static void mentioned(const model::Depends& depends, std::vector<std::string>& tasks) {
  if (depends.kind == model::Depends::Kind::Task) tasks.push_back(depends.task);
  for (const model::Depends& part : depends.parts) mentioned(part, tasks);
}

Phase Oracle::dag(Frame& frame) {
  const auto& tasks = frame.tmpl.groups.front();
  std::set<std::string> needed;
  std::vector<std::string> targets = frame.tmpl.targets;
  if (targets.empty()) {  // those that no other one waits for
    std::set<std::string> inner;
    for (const Call& call : tasks) {
      std::vector<std::string> on;
      mentioned(call.depends, on);
      inner.insert(on.begin(), on.end());
    }
    for (const Call& call : tasks) {
      if (!inner.contains(call.name)) targets.push_back(call.name);
    }
    std::sort(targets.begin(), targets.end());  // the first of them by name that went wrong decides
  }
  for (const std::string& target : targets) add_ancestors(frame.tmpl, target, needed);
  std::map<std::string, Phase> branches;
  for (const Call& call : tasks) {  // in written order a task comes after those it depends on
    if (needed.contains(call.name)) dag_task(frame, call, branches);
  }
  if (frame.incomplete || (frame.tmpl.fail_fast && frame.any_failed)) return Phase::Failed;
  Phase phase = Phase::Succeeded;
  for (const std::string& target : targets) {
    const Phase branch = branches.at(target);
    if (!workflow::is_failed_or_error(branch)) continue;
    const Call& call = *frame.done.at(target).call;
    if (branch == Phase::Failed ? call.continue_failed : call.continue_error) continue;
    phase = branch;
    if (frame.tmpl.dag_fail_fast.value_or(true)) break;
  }
  return phase;
}

/// Evaluates one task, and the phase of the branch that ends in it: its own, or if it did not run the first bad one of
/// those it depends on.
void Oracle::dag_task(Frame& frame, const Call& call, std::map<std::string, Phase>& branches) {
  std::vector<std::string> on;
  mentioned(call.depends, on);
  for (const std::string& other : on) {
    if (frame.done.contains(other) && frame.done.at(other).whole.node != nullptr) continue;
    frame.incomplete = true;
    return;
  }
  Done& done = frame.done[call.name];
  done.call = &call;
  const std::string name = full_name(frame, call.name);
  if (!depends(frame, call.depends)) {
    done.whole = skipped_node(frame, name, Phase::Omitted);
  } else if (auto members = resolve(frame, call); !members) {
    done.whole = skipped_node(frame, name, Phase::Error);
    done.whole.ran = true;
    if (done.whole.failed()) frame.any_failed = true;
  } else if (call.loop && !members->empty()) {
    const Node* group = find(name);
    if (group == nullptr) {
      frame.incomplete = true;
      return;
    }
    seen_.insert(name);
    run_members(frame, call, *members, group);
    Phase phase = Phase::Succeeded;
    for (const Outcome& member : done.members) {
      if (member.failed()) phase = member.phase();
    }
    Verdict verdict = Verdict::of(phase);
    const bool some_missing =
        std::any_of(done.members.begin(), done.members.end(), [](const Outcome& o) { return o.node == nullptr; });
    if (some_missing) verdict.phases = {Phase::Failed};
    if (is_cut(*group, frame.in_exit)) verdict.phases.insert(Phase::Failed);
    check(*group, verdict);
    done.whole = {group, true, false, false};
    run_hooks(frame, call, done.whole, false, true);
  } else {
    run_members(frame, call, *members, nullptr);
  }
  const Outcome& whole = done.whole;
  if (whole.node == nullptr) return;
  Phase branch = Phase::Succeeded;
  if (!whole.serves && workflow::is_completed(whole.phase())) {
    branch = whole.phase();
  } else {
    for (const std::string& other : on) {
      if (!workflow::is_failed_or_error(branches.at(other))) continue;
      branch = branches.at(other);
      break;
    }
  }
  branches[call.name] = branch;
}

}  // namespace gantry::testing
