#include <algorithm>

#include "daemon/engine/carry_over.h"
#include "tests/simulation/oracle/impl.h"

namespace gantry::testing {

using engine::RunPhase;

std::vector<std::string> judge(const Case& the_case) { return Oracle(the_case).judge(); }

std::vector<std::string> Oracle::judge() {
  judge_run();
  judge_leftovers();
  return std::move(problems_);
}

const Node* Oracle::find(const std::string& name) const {
  const auto found = case_.run.nodes.find(name);
  return found == case_.run.nodes.end() ? nullptr : &found->second;
}

std::optional<Time> Oracle::cut(bool in_exit) const {
  const Interference& done = case_.interference;
  if (in_exit) return done.terminated;
  std::optional<Time> at;
  const auto take = [&](std::optional<Time> other) {
    if (other && (!at || *other < *at)) at = other;
  };
  take(done.stopped);
  take(done.terminated);
  if (case_.workflow.deadline_seconds) {
    const Node* root = find(case_.run.info.name);
    Time deadline = std::chrono::floor<std::chrono::seconds>(case_.run.status.started.value_or(Time{})) +
                    std::chrono::seconds(*case_.workflow.deadline_seconds);
    if (root != nullptr && root->started) deadline = std::max(deadline, *root->started);
    if (root != nullptr && root->finished && *root->finished >= deadline) take(deadline);
  }
  return at;
}

bool Oracle::is_cut(const Node& node, bool in_exit) const {
  const auto at = cut(in_exit);
  return at && node.finished && *node.finished >= *at;
}

/// It was over in an earlier life of the run, and was let be.
bool Oracle::is_kept(const Node& node) const {
  return case_.interference.retries > 0 && node.finished && *node.finished < case_.run.status.started.value_or(Time{});
}

void Oracle::accept_below(const std::string& name) { accepted_.push_back(name); }

Outcome Oracle::outcome_of(const Node& node, const Template& tmpl, const Role& role) const {
  const bool carried = node.type == engine::NodeType::Skipped && node.message.starts_with("original pod: ");
  Outcome outcome{&node, true, false, carried};
  outcome.serves = tmpl.kind == Template::Kind::Daemon && role.task && node.phase == Phase::Succeeded;
  return outcome;
}

/// Whether a call went wrong before, or without, its work: a request that no host has room for, a key of a cache that is
/// none, outputs of a graph that have no value. Such an error goes up as one of whoever called.
bool Oracle::never_began(const Node& node) const {
  if (node.phase != Phase::Error) return false;
  switch (node.type) {
    case engine::NodeType::Skipped:
    case engine::NodeType::Steps: return true;
    case engine::NodeType::Dag: return !node.message.empty();
    case engine::NodeType::Pod: return !node.has_pod;
    case engine::NodeType::Retry: break;
    default: return false;
  }
  // The last attempt, when it is not tried again.
  const Node* last = nullptr;
  for (std::size_t i = 0; const Node* attempt = find(node.name + "(" + std::to_string(i) + ")"); ++i) last = attempt;
  return last != nullptr && last->message == node.message && never_began(*last);
}

Outcome Oracle::begin(const Template& tmpl, const std::string& name, const std::string& input, Role role) {
  const Node* node = find(name);
  if (node == nullptr) {
    if (!cut(role.in_exit)) complain(name + " is missing");
    return {};
  }
  seen_.insert(name);
  const Outcome outcome = outcome_of(*node, tmpl, role);
  if (is_kept(*node)) {
    accept_below(name);
    return outcome;
  }
  if (outcome.carried) {
    if (node->phase != Phase::Skipped) complain(name + " was taken over and is " + phase_text(node->phase));
    return outcome;
  }
  std::optional<Verdict> verdict;
  if (!role.attempt && tmpl.memo_key) verdict = cached(tmpl, *node, input);
  if (!verdict && tmpl.retry && !role.attempt) {
    verdict = retry(tmpl, *node, input, role);
  } else if (!verdict) {
    verdict = tmpl.is_graph() ? graph(tmpl, *node, input, role) : leaf(tmpl, *node, input, role);
  }
  if (const auto at = cut(role.in_exit); at && node->finished && *node->finished >= *at) {
    // In the very moment both are possible; and a daemon that comes back hears how a pod ended in the moment in which the timers
    // ring that came due while it was away.
    const bool heard = case_.interference.late && !tmpl.is_graph();
    if (*node->finished > *at && !heard) verdict->phases.clear();
    verdict->phases.insert(Phase::Failed);
    if (tmpl.kind == Template::Kind::Daemon) verdict->phases.insert(Phase::Succeeded);
    // Timers that came due while the daemon was away ring in their order: the suspension was over before.
    const bool was_due = tmpl.suspend_ms && node->started && *node->started + Duration(*tmpl.suspend_ms) <= *at;
    if (was_due && case_.interference.late) verdict->phases.insert(Phase::Succeeded);
    verdict->natural = false;
  }
  check(*node, *verdict);
  return outcome;
}

void Oracle::check(const Node& node, const Verdict& verdict) {
  if (!verdict.phases.contains(node.phase)) {
    std::string wanted;
    for (Phase phase : verdict.phases) wanted += (wanted.empty() ? "" : " or ") + phase_text(phase);
    complain(node.name + " is " + phase_text(node.phase) + " (" + node.message + ") and should be " + wanted);
    return;
  }
  if (!verdict.natural) return;
  std::map<std::string, std::string> parameters;
  for (const engine::Parameter& p : node.outputs->parameters) parameters[p.name] = p.value;
  if (parameters != verdict.parameters) {
    std::string text;
    for (const auto& [key, value] : parameters) text += " " + key + "=" + value;
    text += "; should be";
    for (const auto& [key, value] : verdict.parameters) text += " " + key + "=" + value;
    complain(node.name + " has other outputs than it should:" + text);
  }
  std::set<std::string> artifacts;
  for (const engine::Artifact& artifact : node.outputs->artifacts) artifacts.insert(artifact.name);
  if (artifacts != verdict.artifacts) complain(node.name + " has other output artifacts than it should");
  if (verdict.result && node.outputs->result && *node.outputs->result != *verdict.result) {
    complain(node.name + " has the result " + *node.outputs->result + " and should have " + *verdict.result);
  }
  if (verdict.exit_code && node.outputs->exit_code != verdict.exit_code) complain(node.name + " has another exit code than it should");
}

void Oracle::judge_run() {
  const World::StoredRun& run = case_.run;
  const Interference& done = case_.interference;
  const std::string& name = run.info.name;
  const auto is_phase = [&](RunPhase phase) {
    if (run.status.phase == phase) return;
    complain("the run is " + std::string(engine::run_phase_name(run.status.phase)) + " (" + run.status.message +
             ") and should be " + std::string(engine::run_phase_name(phase)));
  };
  if (find(name) == nullptr) {
    if (!cut(false)) complain("it has no node");
    return is_phase(RunPhase::Failed);
  }
  const auto input_of = [&](const Template& tmpl, const std::optional<Value>& argument) {
    return argument ? argument->text : tmpl.input_default.value_or("");
  };
  const Template& entry = *case_.workflow.find(case_.workflow.entrypoint);
  const Outcome root = begin(entry, name, input_of(entry, std::nullopt), Role{});
  std::string main = root.failed() ? phase_text(root.phase()) : "Succeeded";
  if (done.stopped || done.terminated) {
    const Time at = std::min(done.stopped.value_or(Time::max()), done.terminated.value_or(Time::max()));
    // Of what comes in the same moment either may be first.
    const bool at_once = *root.node->finished == at && run.status.phase != RunPhase::Failed;
    if (*root.node->finished >= at && !at_once) main = "Failed";
    // A retried run may have waited for its locks, with nothing left to do but its exit handler.
    if (is_kept(*root.node) && !case_.workflow.locks.empty() && run.status.phase == RunPhase::Failed) main = "Failed";
    // A daemon that comes back does not know what came first.
    if (done.crashed && run.status.phase == RunPhase::Failed) main = "Failed";
  }
  if (root.node != nullptr && never_began(*root.node) && !done.stopped && !done.terminated) {
    for (const model::Hook& hook : case_.workflow.hooks) accept_below(name + ".hooks." + hook.name);
    return is_phase(RunPhase::Error);  // and neither an exit handler nor a hook more
  }
  Outcome exit;
  for (const model::Hook& hook : case_.workflow.hooks) {
    const Template& callee = *case_.workflow.find(hook.callee);
    const std::string hook_name = name + (hook.name == "exit" ? ".onExit" : ".hooks." + hook.name);
    const Node* seen = find(hook_name);
    if (hook.name != "exit") {
      const bool wanted = hook.status == "Running" || hook.status == main;
      if (done.retries > 0 || cut(false)) {
        if (seen != nullptr) seen_.insert(hook_name), accept_below(hook_name);
      } else if (wanted) {
        begin(callee, hook_name, input_of(callee, hook.argument), {.in_exit = hook.status != "Running"});
      }
      continue;
    }
    bool wanted = hook.status.empty() || hook.status == main;
    if (done.terminated && *done.terminated <= *root.node->finished) wanted = wanted && seen != nullptr;
    // What came in the same moment, or before a crash, may have come after.
    if (!wanted && seen != nullptr && cut(false) && (done.crashed || *root.node->finished == *cut(false))) wanted = true;
    if (wanted) exit = begin(callee, hook_name, input_of(callee, hook.argument), {.in_exit = true});
  }
  RunPhase phase = *engine::run_phase_from(main);
  if (phase == RunPhase::Succeeded && exit.failed()) {
    phase = exit.phase() == Phase::Failed ? RunPhase::Failed : RunPhase::Error;
  }
  // An exit handler that could not even begin.
  if (exit.failed() && never_began(*exit.node)) {
    phase = RunPhase::Error;
  }
  is_phase(phase);
}

void Oracle::judge_leftovers() {
  for (const auto& [name, node] : case_.run.nodes) {
    if (seen_.contains(name) || is_kept(node) || engine::is_carried_over(node)) continue;
    // A retry kept what is below it, and its turn did not come again.
    const bool waited = case_.interference.retries > 0 && !node.has_pod && node.phase == Phase::Failed;
    if (waited && node.finished == case_.run.status.finished && node.message == case_.run.status.message) continue;
    const auto below = [&name = name](const std::string& accepted) { return name.starts_with(accepted); };
    if (std::any_of(accepted_.begin(), accepted_.end(), below)) continue;
    complain(name + " should not be there; it is " + phase_text(node.phase) + " (" + node.message + ")");
  }
}

}  // namespace gantry::testing
