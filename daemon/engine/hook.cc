// Lifecycle hooks of runs, steps and tasks (argo-workflows workflow/controller/{hooks,exit_handler}.go). A hook runs at
// most once. Whoever waits for a step or task waits for its hooks too; what becomes of them does not change its result.

#include <algorithm>

#include "daemon/engine/daemon_template.h"
#include "daemon/engine/impl.h"

namespace gantry::engine {

using workflow::Hook;

static bool has_begun(const std::vector<HookCall>& calls, const Hook& hook) {
  return std::any_of(calls.begin(), calls.end(), [&](const HookCall& call) { return call.hook == &hook; });
}

static std::string node_name(const std::string& parent, const Hook& hook) {
  return parent + (hook.is_exit() ? ".onExit" : ".hooks." + hook.name);
}

/// A step's node changed: its hooks are looked at.
void Engine::Impl::node_changed(Call& call) {
  if (call.role == Call::Role::Task) run_hooks(*call.parent, call.task, call.member, false);
}

void Engine::Impl::run_hooks(Call& graph_call, Index task, Index m, bool ended) {
  Live& live = *graph_call.live;
  TaskRecord& record = graph_call.graph->tasks[task];
  const workflow::Task& t = graph_call.graph->graph->tasks[task];
  std::vector<HookCall>& calls = m == kNone ? record.hooks : record.members[m].hooks;
  Node& node = m == kNone ? *record.node : *record.members[m].node;
  // Of a DAG's loop, the group has the hooks with an expression; its items have `exit` only.
  const bool is_item = t.loop && graph_call.graph->graph->kind == workflow::Graph::Kind::Dag && m != kNone;
  std::vector<Call*> begun;
  for (const Hook& hook : t.hooks) {
    if (has_begun(calls, hook)) continue;
    const std::string name = node_name(node.name, hook);
    const bool stored = live.is_stored(name);
    if (!stored) {
      if (hook.is_exit() && (!ended || !workflow::is_completed(node.phase))) continue;
      if (!hook.is_exit() && is_item) continue;
      if (live.run.status.shutdown == Shutdown::Terminate) continue;
      // A daemon that ended in an earlier life ended after others had begun to rely on it, or its hooks are stored.
      if (taking_up_ && is_daemon(*live.run.plan, live.run.plan->templates[t.callee]) && node.finished && *node.finished < now_) continue;
      // Of a step that never began no hook begins (steps.go executeStepGroup).
      if (m != kNone && graph_call.graph->halt == Halt::Unmade && never_began(*record.members[m].call)) continue;
      if (hook.expression) {
        const CallScope scope(live, graph_call, now_, nullptr, TaskNode{task, &node});
        auto wanted = evaluate_bool(*hook.expression, scope);
        if (!wanted) {
          if (ended && !workflow::is_failed_or_error(node.phase)) {
            node.phase = Phase::Error;
            node.message = wanted.error().message;
            mark(live, node);
          }
          continue;
        }
        if (!*wanted) continue;
      }
    }
    auto call = make_call(live, &graph_call, Call::Role::Hook, hook.callee);
    call->task = task;
    call->member = m;
    call->in_exit_handler = graph_call.in_exit_handler || hook.is_exit();
    begun.push_back(call.get());
    calls.push_back({&hook, std::move(call)});
  }
  for (Call* call : begun) {
    const auto& hook = *std::find_if(calls.begin(), calls.end(), [&](auto& c) { return c.call.get() == call; })->hook;
    const std::string name = node_name(node.name, hook);
    const std::string display_name = name.substr(node.name.size() - node.display_name.size());
    Node& hook_node = make_node(live, name, display_name, type_of(*call->tmpl, *live.run.plan, false), *call->tmpl,
                                graph_call.node->id, live.common_of(*graph_call.tmpl).scope);
    add_child(live, node, hook_node);
    Values arguments = hook.is_exit() ? live.arguments : Values();
    if (!hook.arguments.empty() || !hook.artifacts.empty()) {
      const CallScope scope(live, graph_call, now_, nullptr, TaskNode{task, &node, true});
      auto resolved = resolve_arguments(graph_call, hook.arguments, hook.artifacts, hook.callee, scope);
      if (!resolved) {
        call->node = &hook_node;
        end_call(*call, Phase::Error, resolved.error().message);
        continue;
      }
      arguments = std::move(*resolved);
    }
    begin_call(*call, name, display_name, graph_call.node->id, arguments);
  }
  if (!ended || any_runs(calls)) return;
  const bool waits = m == kNone ? !record.done : record.members[m].state == Member::State::Hooks;
  if (!waits) return;
  if (m == kNone) {
    task_done(graph_call, task);
  } else {
    member_done(graph_call, task, m);
  }
}

/// Hooks of the run, at its begin and at the end of its main part.
void Engine::Impl::run_run_hooks(Live& live) {
  std::vector<const Hook*> begun;
  for (const Hook& hook : live.run.plan->hooks) {
    if (hook.is_exit() || has_begun(live.hooks, hook)) continue;
    const std::string name = node_name(live.run.info.name, hook);
    if (!live.is_stored(name)) {
      if (live.run.status.shutdown == Shutdown::Terminate) continue;
      auto wanted = evaluate_bool(*hook.expression, RunScope(live, now_));
      if (!wanted) {
        live.main_phase = "Error";
        live.main_message = wanted.error().message;
        continue;
      }
      if (!*wanted) continue;
    }
    auto call = make_call(live, nullptr, Call::Role::Hook, hook.callee);
    call->in_exit_handler = live.main_phase != "Running";
    live.hooks.push_back({&hook, std::move(call)});
    begun.push_back(&hook);
  }
  for (const Hook* hook : begun) {
    auto entry = std::find_if(live.hooks.begin(), live.hooks.end(), [&](auto& call) { return call.hook == hook; });
    Call& call = *entry->call;
    const std::string name = node_name(live.run.info.name, *hook);
    Node& node = make_node(live, name, name, type_of(*call.tmpl, *live.run.plan, false), *call.tmpl, "",
                           scope_of_caller(call));
    add_child(live, *live.run.find(live.run.info.name), node);
    auto arguments = resolve_arguments(call, hook->arguments, hook->artifacts, hook->callee, RunScope(live, now_));
    if (!arguments) {
      call.node = &node;
      end_call(call, Phase::Error, arguments.error().message);
    } else {
      begin_call(call, name, name, "", *arguments);
    }
  }
}

void Engine::Impl::hook_ended(Call& call) {
  Live& live = *call.live;
  const auto bury_in = [&](std::vector<HookCall>& calls) {
    for (HookCall& hook : calls) {
      if (hook.call.get() == &call) bury(hook.call);
    }
    return !any_runs(calls);
  };
  if (call.parent == nullptr) {
    bury_in(live.hooks);
    if (live.main_phase != "Running") end_run_when_idle(live);
    return;
  }
  Call& graph = *call.parent;
  if (!graph.graph) return;
  TaskRecord& record = graph.graph->tasks[call.task];
  const Index task = call.task, m = call.member;
  if (m == kNone) {
    if (!bury_in(record.hooks) || record.done) return;
    // Of a group that was over in an earlier life a hook is over at once, and members may have hooks that run again.
    if (workflow::is_fulfilled(record.node->phase) && record.unfinished == 0) {
      task_done(graph, task);
    } else {
      finish_graph_when_idle(graph);
    }
  } else if (bury_in(record.members[m].hooks) && record.members[m].state == Member::State::Hooks) {
    member_done(graph, task, m);
  }
}

}  // namespace gantry::engine
