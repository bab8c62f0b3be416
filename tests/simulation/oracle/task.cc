#include <algorithm>

#include "daemon/engine/carry_over.h"
#include "tests/simulation/oracle/impl.h"

namespace gantry::testing {

std::string Oracle::full_name(const Frame& frame, const std::string& task) const {
  if (frame.tmpl.kind == Template::Kind::Dag) return frame.name + "." + task;
  for (std::size_t g = 0; g < frame.tmpl.groups.size(); ++g) {
    for (const Call& call : frame.tmpl.groups[g]) {
      if (call.name == task) return frame.name + "[" + std::to_string(g) + "]." + task;
    }
  }
  return {};
}

std::string Oracle::full_name(const Frame& frame, const Call& call, const Member& member) const {
  std::string name = full_name(frame, call.name);
  name.replace(name.size() - call.name.size(), call.name.size(), member.name);
  return name;
}

/// Nothing: something in it cannot be resolved.
std::optional<std::vector<Member>> Oracle::resolve(Frame& frame, const Call& call) {
  std::vector<Item> list;
  if (call.loop) {
    bool never = false;
    const bool by_item = call.when && (call.when->left.kind == Value::Kind::Item || call.when->left.kind == Value::Kind::ItemKey);
    if (call.when && !by_item) never = !holds(frame, *call.when, nullptr).value_or(true);
    auto found = items(frame, *call.loop);
    if (!found && !never) return std::nullopt;
    if (found) list = std::move(*found);
  } else {
    list.emplace_back();
  }
  const Template& callee = *case_.workflow.find(call.callee);
  std::vector<Member> members;
  for (std::size_t i = 0; i < list.size(); ++i) {
    const Item* item = call.loop ? &list[i] : nullptr;
    Member& member = members.emplace_back();
    member.name = call.name + (call.loop ? "(" + std::to_string(i) + ":" + list[i].suffix + ")" : "");
    if (call.when) {
      const auto wanted = holds(frame, *call.when, item);
      if (!wanted) return std::nullopt;
      member.skipped = !*wanted;
      if (member.skipped) continue;  // its arguments are left alone
    }
    if (call.argument) {
      const Found value = lookup(frame, *call.argument, item);
      const bool dropped = value.state == Found::State::Absent && callee.input_default;
      if (!value.is_present() && !dropped) return std::nullopt;
      if (value.is_present()) member.argument = value.text;
    }
    if (call.artifact) {
      const auto giver = frame.done.find(*call.artifact);
      const Outcome* from = giver == frame.done.end() ? nullptr : &giver->second.whole;
      bool there = from != nullptr && from->node != nullptr;
      if (there && from->ran) {
        const auto& artifacts = from->node->outputs->artifacts;
        there = std::any_of(artifacts.begin(), artifacts.end(), [](const engine::Artifact& a) { return a.name == "a"; });
      } else if (there) {
        there = frame.tmpl.kind == Template::Kind::Steps;  // a skipped step offers them all the same
      }
      if (!there && !call.artifact_optional) return std::nullopt;
    }
  }
  return members;
}

bool Oracle::may_be_absent(const Frame& frame) const { return frame.tmpl.fail_fast || cut(frame.in_exit).has_value(); }

/// The node of something that does not run.
Outcome Oracle::skipped_node(Frame& frame, const std::string& name, Phase phase) {
  const Node* node = find(name);
  if (node == nullptr) {
    frame.incomplete = true;
    if (!may_be_absent(frame)) complain(name + " is missing; it should be " + phase_text(phase));
    return {};
  }
  seen_.insert(name);
  if (engine::is_carried_over(*node)) return {node, true, false, true};
  if (is_kept(*node)) return {node, false, false, false};
  Verdict verdict = Verdict::of(phase);
  verdict.natural = false;
  check(*node, verdict);
  return {node, false, false, false};
}

/// `group`: the TaskGroup of a DAG's loop.
void Oracle::run_members(Frame& frame, const Call& call, const std::vector<Member>& members, const Node* group) {
  Done& done = frame.done[call.name];
  done.call = &call;
  const Template& callee = *case_.workflow.find(call.callee);
  if (members.empty()) {
    done.whole = skipped_node(frame, full_name(frame, call.name), Phase::Skipped);
    return;
  }
  for (const Member& member : members) {
    Outcome outcome;
    const std::string name = full_name(frame, call, member);
    if (member.skipped) {
      outcome = skipped_node(frame, name, Phase::Skipped);
    } else if (find(name) == nullptr) {
      frame.incomplete = true;
      if (!may_be_absent(frame)) complain(name + " is missing");
    } else {
      Role role;
      role.in_exit = frame.in_exit;
      role.task = true;
      outcome = begin(callee, name, member.argument ? *member.argument : callee.input_default.value_or(""), role);
      run_hooks(frame, call, outcome, group != nullptr, false);
    }
    if (outcome.failed()) frame.any_failed = true;
    if (call.loop) {
      done.members.push_back(outcome);
    } else {
      done.whole = outcome;
    }
  }
}

/// Whether the node was Running for a while. `sure`: nothing else is possible.
bool Oracle::ran_visibly(const Call& call, const Node& node, bool is_group, bool& sure) {
  const Template& tmpl = *case_.workflow.find(call.callee);
  sure = true;
  if (is_group) return true;
  if (node.memo->hit || node.type == engine::NodeType::Skipped) return false;
  if (tmpl.memo_key && node.children.empty() && !node.has_pod) return false;  // its key is no key
  if (tmpl.is_graph() || tmpl.retry || tmpl.kind == Template::Kind::Suspend) {
    // One that waits for a lock may be ended before it gets it.
    sure = tmpl.locks.empty() || node.phase == Phase::Succeeded;
    return true;
  }
  if (tmpl.cpu_milli > case_.capacity.cpu_milli) return false;
  if (fate_of(case_.seed, node.id, node.life).no_image) return false;
  if (node.message == "timeout") return false;
  // A daemon that comes back may find the pod over.
  sure = !case_.interference.crashed && node.outputs->exit_code.has_value();
  return true;
}

void Oracle::run_hooks(Frame& frame, const Call& call, const Outcome& of, bool is_item, bool is_group) {
  if (of.node == nullptr) return;
  const Node& node = *of.node;
  for (const model::Hook& hook : call.hooks) {
    const bool exit = hook.name == "exit";
    const std::string name = node.name + (exit ? ".onExit" : ".hooks." + hook.name);
    const Node* seen = find(name);
    const auto ended = cut(frame.in_exit);
    const auto terminated = case_.interference.terminated;
    bool wanted = false, sure = true;
    if (exit) {
      wanted = workflow::is_completed(node.phase) && !of.serves && (hook.status.empty() || hook.status == phase_text(node.phase));
    } else if (!is_item && hook.status == "Running") {
      wanted = ran_visibly(call, node, is_group, sure);
    } else if (!is_item) {
      wanted = !of.serves && hook.status == phase_text(node.phase);
    }
    // A hook of an earlier life of the run is not forgotten.
    const bool retried = case_.interference.retries > 0 && seen != nullptr && !wanted;
    // A group that was cut short gets its phase with the graph, and no hook then.
    const bool cut_group = is_group && frame.tmpl.fail_fast && (frame.any_failed || frame.incomplete);
    const bool free = is_kept(node) || retried || of.carried || cut_group || ((!exit || is_group) && ended) ||
                      (terminated && (!exit || *terminated <= *node.finished));
    if (free || !sure) wanted = wanted && seen != nullptr;
    if (free && seen != nullptr) {
      seen_.insert(name);
      accept_below(name);
      continue;
    }
    if (wanted && seen == nullptr) complain(name + " is missing");
    if (!wanted || seen == nullptr) continue;
    const Template& callee = *case_.workflow.find(hook.callee);
    std::string input = callee.input_default.value_or("");
    if (hook.argument && hook.argument->kind == Value::Kind::Literal) input = hook.argument->text;
    if (hook.argument && hook.argument->kind == Value::Kind::Parameter) {
      input = parameter_of(node, hook.argument->text).value_or("");  // what was not written is empty
    }
    Role role;
    role.in_exit = frame.in_exit || exit;
    begin(callee, name, input, role);
  }
}

}  // namespace gantry::testing
