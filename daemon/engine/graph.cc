// Steps and DAGs: what each task that becomes ready leads to. The semantics are those of argo-workflows
// workflow/controller/{steps,dag}.go.

#include <algorithm>
#include <sstream>

#include "daemon/engine/aggregate.h"
#include "daemon/engine/carry_over.h"
#include "daemon/engine/impl.h"

namespace gantry::engine {

using workflow::Graph;
using workflow::Task;

/// Hooks and exit handlers run without the workflow's deadline.
static bool is_of_hook(const Call& call) {
  for (const Call* one = &call; one != nullptr; one = one->parent) {
    if (one->role == Call::Role::Hook || one->role == Call::Role::RunExit) return true;
  }
  return false;
}

void Engine::Impl::open_graph(Call& call) {
  call.graph = std::make_unique<GraphCall>();
  GraphCall& graph = *call.graph;
  graph.graph = &call.live->run.plan->graphs[call.tmpl->body];
  graph.tasks.resize(graph.graph->tasks.size());
  if (auto found = find_targets(call); !found) {
    call.graph.reset();
    return end_call(call, Phase::Error, found.error().message);
  }
  graph.frame = worker_.open(*graph.graph, call.live->run.plan->priority.value_or(0), call.height, &call);
  // Of a run that was told to end, or had no time left, before the daemon ended, only what had begun is taken up.
  const Shutdown shutdown = call.live->run.status.shutdown;
  const bool ends = shutdown == Shutdown::Terminate || (shutdown == Shutdown::Stop && !call.in_exit_handler);
  const auto deadline = deadline_of(*call.live);
  if (taking_up_ && ends) {
    graph.halt = Halt::Shutdown;
  } else if (taking_up_ && deadline && *deadline <= now_ && !is_of_hook(call)) {
    graph.halt = Halt::Deadline;
  }
  call.node->phase = Phase::Running;
  mark(*call.live, *call.node);
  node_changed(call);
  finish_graph_when_idle(call);  // a DAG without tasks
}

/// What dag.target names, and the tasks that they need.
Result<void> Engine::Impl::find_targets(Call& call) {
  GraphCall& graph = *call.graph;
  graph.targets = graph.graph->targets;
  if (!graph.graph->target) return {};
  auto names = render(*graph.graph->target, CallScope(*call.live, call, now_));
  if (!names) return fail(names.error());
  graph.targets.clear();
  std::istringstream words(*names);
  for (std::string name; words >> name;) {
    const auto& tasks = graph.graph->tasks;
    const auto found = std::find_if(tasks.begin(), tasks.end(), [&](const Task& task) { return task.name == name; });
    if (found == tasks.end()) return fail(Code::InvalidArgument, "target " + name + " does not exist");
    graph.targets.push_back(static_cast<Index>(found - tasks.begin()));
  }
  graph.needed.assign(graph.tasks.size(), false);
  std::vector<Index> open = graph.targets;
  while (!open.empty()) {
    const Index task = open.back();
    open.pop_back();
    if (graph.needed[task]) continue;
    graph.needed[task] = true;
    for (Index dependency : graph.graph->tasks[task].depends.tasks()) open.push_back(dependency);
  }
  return {};
}

/// Whether an earlier life of the daemon began the task.
bool Engine::Impl::was_begun(const Call& call, Index task) const {
  if (!call.live->restored) return false;
  const Task& t = call.graph->graph->tasks[task];
  // The end of steps has no node of its own.
  if (t.kind == Task::Kind::Barrier && t.name.empty()) return workflow::is_fulfilled(call.node->phase);
  if (call.live->run.find(task_node_name(call, task)) != nullptr) return true;
  if (!t.loop) return false;
  // Of a loop in steps, the first item tells; it stands below its group.
  const Node* group = call.live->run.find(call.node->name + "[" + std::to_string(t.group) + "]");
  if (group == nullptr) return false;
  const std::string prefix = member_node_name(call, task, t.name) + "(0:";
  return std::any_of(group->children.begin(), group->children.end(), [&](const SharedText& child) {
    const Node* node = call.live->by_id.find(child);
    return node != nullptr && node->name.starts_with(prefix);
  });
}

void Engine::Impl::begin_task(Call& call, Index task) {
  GraphCall& graph = *call.graph;
  Live& live = *call.live;
  const bool is_barrier = graph.graph->tasks[task].kind == Task::Kind::Barrier;
  if (graph.halt == Halt::Unmade && is_barrier) return;  // its group is the last one
  if (graph.halt != Halt::No && !(taking_up_ && was_begun(call, task))) return;
  if (live.run.status.suspended && !was_begun(call, task)) {
    live.paused.push_back({&call, task});
  } else if (is_barrier) {
    barrier(call, task);
  } else if (graph.graph->kind == Graph::Kind::Dag) {
    begin_dag_task(call, task);
  } else {
    begin_members(call, task);
  }
}

// ---- steps ----

void Engine::Impl::barrier(Call& call, Index task) {
  GraphCall& graph = *call.graph;
  if (graph.group != nullptr && !end_group(call)) return;
  if (graph.graph->tasks[task].name.empty()) {
    end_graph(call, Phase::Succeeded, "");
    return;
  }
  open_group(call, task);
}

/// Why the results of a loop cannot be put together: one of them is no JSON.
static std::optional<std::string> broken_results(const GraphCall& graph, Index task) {
  const Task& t = graph.graph->tasks[task];
  return t.kind == Task::Kind::Call && t.loop && t.captures_result ? broken_result(graph.tasks[task]) : std::nullopt;
}

/// Gives the open step group its result. False when that ended the steps.
bool Engine::Impl::end_group(Call& call) {
  GraphCall& graph = *call.graph;
  Node& group = *std::exchange(graph.group, nullptr);
  // One that succeeded in an earlier life of the daemon has, even if what it served to others has ended since.
  const bool stands = group.phase == Phase::Succeeded;
  std::string failure;
  for (Index step : graph.graph->successors_of(graph.group_barrier)) {
    const Task& task = graph.graph->tasks[step];
    if (task.kind != Task::Kind::Call || stands) continue;
    for (const Member& member : graph.tasks[step].members) {
      const Node* node = member.node;
      if (node == nullptr || !workflow::is_failed_or_error(node->phase) || !failure.empty()) continue;
      bool accepted = node->phase == Phase::Failed ? task.continue_on.failed : task.continue_on.error;
      if (!accepted) failure = "child '" + node->id + "' failed";
    }
  }
  group.phase = failure.empty() ? Phase::Succeeded : Phase::Failed;
  group.message = failure;
  if (!group.finished) group.finished = now_;
  mark(*call.live, group);
  if (!failure.empty()) {
    end_graph(call, Phase::Failed, failure);
    return false;
  }
  // What a loop has given is put together now, whoever wants it (steps.go executeSteps).
  for (Index step : graph.graph->successors_of(graph.group_barrier)) {
    if (auto broken = broken_results(graph, step)) {
      end_graph(call, Phase::Error, *broken);
      return false;
    }
  }
  return true;
}

/// The message of a group whose members cannot be resolved. What goes wrong once the references are resolved, while a
/// loop is expanded, has no words in front of it (steps.go resolveReferences, expandStepGroup).
static std::string group_error(const std::string& error) {
  for (const char* expanding : {"withParam value", "withItems value", "strconv.Atoi", "failed to resolve {{item"}) {
    if (error.starts_with(expanding)) return error;
  }
  return "failed to resolve references: " + error;
}

void Engine::Impl::open_group(Call& call, Index barrier_task) {
  GraphCall& graph = *call.graph;
  Live& live = *call.live;
  Index number = graph.graph->tasks[barrier_task].group;
  std::string name = task_node_name(call, barrier_task);
  Node& group = make_node(live, name, "[" + std::to_string(number) + "]", NodeType::StepGroup, *call.tmpl, call.node->id,
                          live.common_of(*call.tmpl).scope);
  Node* previous = number == 0 ? nullptr : live.run.find(call.node->name + "[" + std::to_string(number - 1) + "]");
  if (previous == nullptr) {
    add_child(live, *call.node, group);
  } else {
    for (const SharedText& id : outbound(live, *previous)) add_child(live, id, group);
  }
  graph.group = &group;
  graph.group_barrier = barrier_task;
  // All members are resolved before any of them starts: one that cannot be fails the group as a whole.
  for (Index step : graph.graph->successors_of(barrier_task)) {
    if (graph.graph->tasks[step].kind != Task::Kind::Call) continue;
    auto resolved = resolve_task(call, step);
    if (resolved) continue;
    const std::string& error = resolved.error().message;
    // An argument that the step cannot do without is found out when it is executed.
    if (error.starts_with("inputs.parameters.")) {
      const Node& node = make_skipped(call, step, graph.tasks[step].members.back().name, Phase::Error, error);
      return fail_group(call, "step group deemed errored due to child " + node.name + " error: " + error);
    }
    return fail_group(call, group_error(error));
  }
  worker_.complete(graph.frame, barrier_task);
}

void Engine::Impl::fail_group(Call& call, const std::string& message) {
  Node& group = *std::exchange(call.graph->group, nullptr);
  group.phase = Phase::Error;
  group.message = message;
  group.finished = now_;
  mark(*call.live, group);
  end_graph(call, Phase::Failed, message);
}

// ---- dag ----

static bool has_result(const TaskRecord& record, workflow::TaskResult asked) {
  using workflow::TaskResult;
  if (record.node == nullptr) return false;
  const auto is = [](const Member& member, Phase phase) { return member.node != nullptr && member.node->phase == phase; };
  switch (asked) {
    case TaskResult::Succeeded: return record.node->phase == Phase::Succeeded || is_carried_over(*record.node);
    case TaskResult::Failed: return record.node->phase == Phase::Failed;
    case TaskResult::Errored: return record.node->phase == Phase::Error;
    case TaskResult::Skipped: return record.node->phase == Phase::Skipped;
    case TaskResult::Omitted: return record.node->phase == Phase::Omitted;
    case TaskResult::Daemoned: return record.node->daemoned;
    case TaskResult::AnySucceeded:
      return std::any_of(record.members.begin(), record.members.end(),
                         [&](const Member& member) {
                           return is(member, Phase::Succeeded) || (member.node != nullptr && is_carried_over(*member.node));
                         });
    case TaskResult::AllFailed:
      return !record.members.empty() && std::all_of(record.members.begin(), record.members.end(),
                                                    [&](const Member& member) { return is(member, Phase::Failed); });
  }
  return false;
}

/// Why the results of a loop that the task comes after cannot be put together; nothing when they can.
static std::optional<std::string> broken_ancestor(const GraphCall& graph, Index task) {
  if (graph.broken.empty()) return std::nullopt;
  std::vector<bool> seen(graph.tasks.size());
  std::vector<Index> open{task};
  while (!open.empty()) {
    const Index one = open.back();
    open.pop_back();
    for (Index dependency : graph.graph->tasks[one].depends.tasks()) {
      if (seen[dependency]) continue;
      seen[dependency] = true;
      if (std::find(graph.broken.begin(), graph.broken.end(), dependency) != graph.broken.end()) {
        return broken_results(graph, dependency);
      }
      open.push_back(dependency);
    }
  }
  return std::nullopt;
}

void Engine::Impl::begin_dag_task(Call& call, Index task) {
  GraphCall& graph = *call.graph;
  TaskRecord& record = graph.tasks[task];
  const Task& t = graph.graph->tasks[task];
  if (!graph.needed.empty() && !graph.needed[task]) return task_done(call, task);
  auto ask = [&](std::uint32_t other, workflow::TaskResult result) { return has_result(graph.tasks[other], result); };
  if (!t.depends.evaluate(ask)) {
    record.node = &make_skipped(call, task, t.name, Phase::Omitted, "omitted: depends condition not met");
    return task_done(call, task);
  }
  if (auto broken = broken_ancestor(graph, task)) {
    graph.error = *broken;
    record.node = &make_skipped(call, task, t.name, Phase::Error, *broken);
    return task_done(call, task);
  }
  auto resolved = resolve_task(call, task);
  if (resolved) return begin_members(call, task);
  // Upstream's shape: type Skipped, phase Error.
  record.members.clear();
  std::string message = resolved.error().message;
  // An argument that the task cannot do without is found out when it is executed (dag.go executeDAGTask).
  if (message.starts_with("inputs.parameters.")) {
    message = "task '" + task_node_name(call, task) + "' errored: " + message;
  }
  record.node = &make_skipped(call, task, t.name, Phase::Error, message);
  task_done(call, task);
}

// ---- the end of tasks and graphs ----

/// The phase that a task gives to the branch it is on: its own, or when it was skipped or omitted the worst of those
/// it depends on (dag.go assessDAGPhase).
static Phase branch_phase(const GraphCall& graph, Index task) {
  const Node* node = graph.tasks[task].node;
  if (node != nullptr && workflow::is_completed(node->phase)) return node->phase;
  for (Index dependency : graph.graph->tasks[task].depends.tasks()) {
    Phase phase = graph.tasks[dependency].branch;
    if (workflow::is_failed_or_error(phase)) return phase;
  }
  return Phase::Succeeded;
}

void Engine::Impl::task_done(Call& call, Index task) {
  GraphCall& graph = *call.graph;
  TaskRecord& record = graph.tasks[task];
  if (std::exchange(record.done, true)) return;
  record.branch = branch_phase(graph, task);
  if (graph.graph->kind == Graph::Kind::Dag && broken_results(graph, task)) graph.broken.push_back(task);
  if (graph.frame == nullptr) return;
  const bool failed = record.node != nullptr && workflow::is_failed_or_error(record.node->phase);
  if (failed && call.tmpl->fail_fast && graph.halt == Halt::No) {
    graph.halt = Halt::FailFast;
    graph.held.clear();
  }
  worker_.complete(graph.frame, task);
  finish_graph_when_idle(call);
}

/// Whether a hook of a loop as a whole runs; those of members count as their members.
static bool group_hooks_run(const GraphCall& graph) {
  return std::any_of(graph.tasks.begin(), graph.tasks.end(), [](const TaskRecord& record) { return any_runs(record.hooks); });
}

void Engine::Impl::finish_graph_when_idle(Call& call) {
  GraphCall& graph = *call.graph;
  if (graph.frame == nullptr) return;
  if (graph.halt != Halt::No) {
    if (graph.active != 0 || group_hooks_run(graph)) return;
    if (taking_up_) {
      halted_.push_back(&call);
    } else {
      finish_halted(call);
    }
  } else if (graph.graph->kind == Graph::Kind::Dag && graph.frame->is_done()) {
    finish_dag(call);
  }
}

/// Nothing more starts and nothing runs: the graph ends with what it has.
void Engine::Impl::finish_halted(Call& call) {
  GraphCall& graph = *call.graph;
  std::string reason;
  switch (graph.halt) {
    case Halt::FailFast: reason = "template has failed or errored children and failFast enabled"; break;
    case Halt::Deadline: reason = "Step exceeded its deadline"; break;
    case Halt::Shutdown:
      reason = "Stopped with strategy '" + std::string(shutdown_name(call.live->run.status.shutdown)) + "'";
      break;
    case Halt::Unmade: return fail_group(call, graph.error);
    case Halt::No: break;
  }
  // Loops of which not all items have begun.
  for (const TaskRecord& record : graph.tasks) {
    if (record.node == nullptr || record.node->type != NodeType::TaskGroup || workflow::is_fulfilled(record.node->phase)) continue;
    record.node->phase = Phase::Failed;
    record.node->message = reason;
    record.node->finished = now_;
    mark(*call.live, *record.node);
  }
  if (graph.group != nullptr) {
    Node& group = *graph.group;
    const auto steps = graph.graph->successors_of(graph.group_barrier);
    const bool complete = std::all_of(steps.begin(), steps.end(), [&](Index step) {
      return graph.graph->tasks[step].kind != Task::Kind::Call || graph.tasks[step].done;
    });
    if (graph.halt != Halt::FailFast && !end_group(call)) return;  // a failed member gives the message
    if (graph.halt == Halt::FailFast || !complete) {
      group.phase = Phase::Failed;
      group.message = reason;
      group.finished = now_;
      mark(*call.live, group);
    }
    end_graph(call, Phase::Failed, reason);
  } else {
    bool dag = graph.graph->kind == Graph::Kind::Dag && graph.halt != Halt::FailFast;
    bool any = std::any_of(graph.tasks.begin(), graph.tasks.end(), [](const TaskRecord& record) {
      const auto failed = [](const Node* node) { return node != nullptr && workflow::is_failed_or_error(node->phase); };
      return failed(record.node) || std::any_of(record.members.begin(), record.members.end(),
                                                [&](const Member& member) { return failed(member.node); });
    });
    end_graph(call, Phase::Failed, dag && any ? "" : reason);
  }
}

/// dag.go assessDAGPhase: a target that failed without continueOn gives the DAG its phase, Error included.
void Engine::Impl::finish_dag(Call& call) {
  GraphCall& graph = *call.graph;
  Phase phase = Phase::Succeeded;
  for (Index target : graph.targets) {
    Phase branch = graph.tasks[target].branch;
    if (!workflow::is_failed_or_error(branch)) continue;
    const auto& continue_on = graph.graph->tasks[target].continue_on;
    if (branch == Phase::Failed ? continue_on.failed : continue_on.error) continue;
    phase = branch;
    if (graph.graph->dag_fail_fast) break;
  }
  if (!graph.error.empty()) phase = Phase::Error;
  end_graph(call, phase, graph.error);
}

Result<void> Engine::Impl::graph_outputs(Call& call) {
  const CallScope scope(*call.live, call, now_);
  for (const auto& output : call.tmpl->outputs) {
    Result<std::string> value = fail(Code::NotFound, "output parameter " + output.name + " has no value");
    if (output.expression) {
      auto result = evaluate(*output.expression, scope);
      // Nil is no value: the default's turn.
      if (result && !result->is_nil()) {
        value = workflow::expr::to_text(*result);
      } else if (!result) {
        value = fail(result.error());
      }
    } else if (output.parameter) {
      value = render(*output.parameter, scope);
    } else if (output.value) {
      value = render(*output.value, scope);
    }
    if (!value && output.default_value) value = render(*output.default_value, scope);
    if (!value) return fail(value.error());
    call.node->outputs.edit().parameters.push_back({output.name, std::move(*value)});
  }
  return graph_output_artifacts(call);
}

void Engine::Impl::end_graph(Call& call, Phase phase, const std::string& message) {
  GraphCall& graph = *call.graph;
  Live& live = *call.live;
  Node& node = *call.node;
  std::string text = message;
  node.outbound_nodes.clear();
  if (graph.graph->kind == Graph::Kind::Steps) {
    if (graph.group_barrier != kNone) {
      const Node* last = live.run.find(task_node_name(call, graph.group_barrier));
      // One that failed before it had members has none, as upstream has it (steps.go updateOutboundNodes).
      const bool unmade = last != nullptr && last->children.empty() && workflow::is_failed_or_error(last->phase);
      if (last != nullptr && !unmade) node.outbound_nodes = outbound(live, *last);
    }
  } else if (graph.halt != Halt::FailFast) {
    for (Index target : graph.targets) {
      if (const Node* end = graph.tasks[target].node) {
        for (SharedText& id : outbound(live, *end)) node.outbound_nodes.push_back(std::move(id));
      }
    }
  }
  if (phase == Phase::Succeeded) {
    if (auto outputs = graph_outputs(call); !outputs) {
      phase = Phase::Error;
      text = outputs.error().message;
    }
  }
  worker_.close(std::exchange(graph.frame, nullptr));
  if (graph.halt != Halt::No) {  // else there is nothing left of it that could wait
    std::erase_if(live.held, [&](const Live::Held& held) { return held.graph == &call; });
    std::erase_if(live.paused, [&](const Live::Paused& paused) { return paused.graph == &call; });
  }
  std::erase(graphs_with_room_, &call);
  std::erase(halted_, &call);
  end_daemons(call);
  end_call(call, phase, text);
}

}  // namespace gantry::engine
