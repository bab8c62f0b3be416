#include "tests/simulation/watch.h"

#include <algorithm>

namespace gantry::testing {

using engine::Node;
using engine::NodeType;

/// `s2`: 2; all others may be held by one.
std::int64_t limit_of(const std::string& lock) { return lock == "s2" ? 2 : 1; }

static bool is_over(const Node& node) { return workflow::is_fulfilled(node.phase); }

static std::string lock_id(const model::Lock& lock) { return (lock.mutex ? "mutex " : "semaphore ") + lock.name; }

Watch::Share Watch::share_of(const Watched& run, const Node& node) const {
  Share share;
  if (is_over(node)) return share;
  const model::Template* tmpl = run.workflow->find(node.template_name);
  if (tmpl == nullptr) return share;
  if (node.type == NodeType::Pod && node.start_intended) {
    share.pod = true;
    share.cpu_milli = tmpl->cpu_milli;
    share.memory_mib = tmpl->memory_mib;
  }
  if (node.locked) {
    for (const model::Lock& lock : tmpl->locks) share.locks.push_back(lock_id(lock));
  }
  const bool member = !node.hooked && !node.retried && node.type != NodeType::StepGroup && node.type != NodeType::TaskGroup &&
                      node.type != NodeType::Skipped && node.type != NodeType::Container;
  if (member && !node.daemoned) share.boundary = node.boundary_id;
  return share;
}

void Watch::count(Watched& run, const Share& share, int sign) {
  if (share.pod) {
    run.pods += sign;
    pods_ += sign;
  }
  cpu_milli_ += sign * share.cpu_milli;
  memory_mib_ += sign * share.memory_mib;
  for (const std::string& lock : share.locks) held_[lock] += sign;
  if (!share.boundary.empty()) run.children[share.boundary] += static_cast<std::size_t>(sign);
}

void Watch::forget_nodes(Watched& run) {
  for (const auto& [name, known] : run.nodes) count(run, known.share, -1);
  run.nodes.clear();
  run.names.clear();
  run.children.clear();
  run.terminated = run.ended = false;
  if (!std::exchange(run.holds_locks, false)) return;
  for (const model::Lock& lock : run.workflow->locks) --held_[lock_id(lock)];
}

void Watch::take(Watched& run, const Node& node) {
  Known& known = run.nodes[node.name];
  count(run, known.share, -1);
  known = {node, share_of(run, node)};
  count(run, known.share, 1);
  run.names[node.id] = node.name;
}

/// The run's own locks.
void Watch::hold(Watched& run, const engine::Run& now) {
  const bool holds = now.status.phase == engine::RunPhase::Running && run.nodes.contains(now.info.name);
  if (holds == run.holds_locks) return;
  run.holds_locks = holds;
  for (const model::Lock& lock : run.workflow->locks) held_[lock_id(lock)] += holds ? 1 : -1;
}

void Watch::saw(const engine::Output& output) {
  for (const engine::Changed& changed : output.changed) {
    const auto found = runs_.find(changed.run->info.uid);
    if (found == runs_.end()) continue;
    Watched& run = found->second;
    if (changed.respecified) {  // `gantry retry`: it goes on with what stayed
      forget_nodes(run);
      run.retried = true;
      for (const Node& node : changed.run->nodes) take(run, node);
    } else {
      std::vector<const Node*> added;
      for (const Node* node : changed.nodes) {
        if (run.ended) complain(node->name + " changed after the run had ended");
        const auto before = run.nodes.find(node->name);
        if (before != run.nodes.end()) check_change(before->second.node, *node);
        if (before == run.nodes.end()) added.push_back(node);
      }
      for (const Node* node : added) check_begin(run, *node);
      for (const Node* node : changed.nodes) take(run, *node);
      for (const Node* node : added) check_order(run, *node);
    }
    hold(run, *changed.run);
    run.terminated = changed.run->status.shutdown == engine::Shutdown::Terminate;
    run.ended = engine::is_ended(changed.run->status.phase);
  }
  check_limits();
}

void Watch::rebooted(const World& world) {
  for (auto& [name, run] : runs_) {
    forget_nodes(run);
    const auto stored = world.stored().find(name);
    if (stored == world.stored().end()) continue;
    for (const auto& [full_name, node] : stored->second.nodes) take(run, node);
    run.terminated = stored->second.status.shutdown == engine::Shutdown::Terminate;
    run.ended = engine::is_ended(stored->second.status.phase);
    run.holds_locks = stored->second.status.phase == engine::RunPhase::Running && run.nodes.contains(name);
    if (!run.holds_locks) continue;
    for (const model::Lock& lock : run.workflow->locks) ++held_[lock_id(lock)];
  }
}

void Watch::deleted(const std::string& name) { forget_nodes(runs_.at(name)); }

void Watch::check_change(const Node& before, const Node& after) {
  if (!is_over(before)) {
    if (is_over(after) != after.finished.has_value()) complain(after.name + " is over without a time, or the other way round");
    if (after.finished && after.started && *after.finished < *after.started) complain(after.name + " ended before it began");
    return;
  }
  if (before.phase == after.phase && before.message == after.message && before.finished == after.finished) return;
  complain(after.name + " was " + std::string(workflow::phase_name(before.phase)) + " (" + before.message + ") and became " +
           std::string(workflow::phase_name(after.phase)) + " (" + after.message + ")");
}

/// Against what was before this event.
void Watch::check_begin(const Watched& run, const Node& node) {
  if (run.terminated) complain(node.name + " began after the run was terminated");
  const auto boundary = run.names.find(node.boundary_id);
  if (node.hooked || boundary == run.names.end()) return;
  const Node& parent = run.nodes.at(boundary->second).node;
  if (is_over(parent)) complain(node.name + " began after " + parent.name + " was over");
}

static void mentioned(const model::Depends& depends, std::vector<std::string>& tasks) {
  if (depends.kind == model::Depends::Kind::Task) tasks.push_back(depends.task);
  for (const model::Depends& part : depends.parts) mentioned(part, tasks);
}

/// What it depends on must be over, and its hooks, too.
void Watch::check_order(const Watched& run, const Node& node) {
  const auto parent = run.names.find(node.boundary_id);
  if (node.hooked || node.retried || parent == run.names.end()) return;
  const Node& boundary = run.nodes.at(parent->second).node;
  const model::Template* found_template = run.workflow->find(boundary.template_name);
  if (found_template == nullptr) return;
  const model::Template& in = *found_template;
  std::vector<std::string> before;
  if (in.kind == model::Template::Kind::Steps) {
    const auto bracket = node.name.find(']', boundary.name.size());
    if (!node.name.starts_with(boundary.name + "[") || bracket == std::string::npos) return;
    const int group = std::atoi(node.name.c_str() + boundary.name.size() + 1);
    if (group > 0) before.push_back(boundary.name + "[" + std::to_string(group - 1) + "]");
  } else if (in.kind == model::Template::Kind::Dag) {
    if (!node.name.starts_with(boundary.name + ".")) return;
    std::string task = node.name.substr(boundary.name.size() + 1);
    task = task.substr(0, task.find('('));
    for (const model::Call& call : in.groups.front()) {
      if (call.name == task) mentioned(call.depends, before);
    }
    for (std::string& name : before) name = boundary.name + "." + name;
  }
  for (const std::string& name : before) {
    const auto found = run.nodes.find(name);
    if (found == run.nodes.end() || !(is_over(found->second.node) || found->second.node.daemoned)) {
      complain(node.name + " began before " + name + " was over");
      continue;
    }
    for (const std::string& hook : {name + ".onExit", name + ".hooks.watch"}) {
      const auto it = run.nodes.find(hook);
      if (it != run.nodes.end() && !is_over(it->second.node)) complain(node.name + " began before " + hook + " was over");
    }
  }
}

void Watch::check_limits() {
  for (const auto& [lock, holders] : held_) {
    const std::string name = lock.substr(lock.find(' ') + 1);
    if (holders > limit_of(name)) complain(lock + " is held by " + std::to_string(holders));
    if (holders < 0) complain(lock + " was let go of twice");
  }
  if (cpu_milli_ > capacity_.cpu_milli) complain("more CPU is given out than there is: " + std::to_string(cpu_milli_));
  if (memory_mib_ > capacity_.memory_bytes >> 20) complain("more memory is given out than there is");
  if (pods_ > capacity_.slots) complain("more pods run than there are slots: " + std::to_string(pods_));
  for (auto& [name, run] : runs_) {
    if (run.workflow->parallelism && run.pods > *run.workflow->parallelism) {
      complain(name + " runs " + std::to_string(run.pods) + " pods at once");
    }
    for (const auto& [boundary, active] : run.children) {
      const auto parent = run.names.find(boundary);
      if (parent == run.names.end() || active == 0 || run.retried) continue;
      const model::Template* in = run.workflow->find(run.nodes.at(parent->second).node.template_name);
      if (in == nullptr || !in->parallelism || active <= static_cast<std::size_t>(*in->parallelism)) continue;
      complain(parent->second + " has " + std::to_string(active) + " active children");
    }
  }
}

}  // namespace gantry::testing
