// Steps and DAGs: what each task that becomes ready leads to. The semantics are those of argo-workflows
// workflow/controller/{steps,dag}.go.

#include <algorithm>

#include "daemon/engine/impl.h"
#include "workflow/when.h"

namespace gantry::engine {

using workflow::Graph;
using workflow::Task;

void Engine::Impl::open_graph(Call& call) {
  call.graph = std::make_unique<GraphCall>();
  GraphCall& graph = *call.graph;
  graph.graph = &call.live->run.plan->graphs[call.tmpl->body];
  graph.tasks.resize(graph.graph->tasks.size());
  graph.frame = scheduler_.open(*graph.graph, call.live->run.plan->priority.value_or(0), &call);
  call.node->phase = Phase::Running;
  mark(*call.live, *call.node);
  finish_graph_when_idle(call);  // a DAG without tasks
}

std::string Engine::Impl::task_node_name(const Call& call, Index task) const {
  const Task& t = call.graph->graph->tasks[task];
  if (t.kind == Task::Kind::Call && t.group != kNone) {
    return call.node->name + "[" + std::to_string(t.group) + "]." + t.name;
  }
  if (t.kind == Task::Kind::Barrier) return call.node->name + t.name;
  return call.node->name + "." + t.name;
}

void Engine::Impl::begin_task(Call& call, Index task) {
  GraphCall& graph = *call.graph;
  if (graph.halt != Halt::No) return;
  if (graph.graph->tasks[task].kind == Task::Kind::Barrier) {
    barrier(call, task);
  } else if (graph.graph->kind == Graph::Kind::Dag) {
    begin_dag_task(call, task);
  } else if (graph.tasks[task].skip) {
    make_skipped(call, task, Phase::Skipped, *graph.tasks[task].skip);
    task_done(call, task);
  } else {
    start_or_hold(call, task);
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

/// Gives the open step group its result. False when that ended the steps.
bool Engine::Impl::end_group(Call& call) {
  GraphCall& graph = *call.graph;
  Node& group = *std::exchange(graph.group, nullptr);
  std::string failure;
  for (Index member : graph.graph->successors_of(graph.group_barrier)) {
    const Task& task = graph.graph->tasks[member];
    const Node* node = graph.tasks[member].node;
    if (task.kind != Task::Kind::Call || node == nullptr) continue;
    bool accepted = (node->phase == Phase::Failed && task.continue_on.failed) ||
                    (node->phase == Phase::Error && task.continue_on.error);
    if (workflow::is_failed_or_error(node->phase) && !accepted) {
      failure = "child '" + node->id + "' failed";
      break;
    }
  }
  group.phase = failure.empty() ? Phase::Succeeded : Phase::Failed;
  group.message = failure;
  if (!group.finished) group.finished = now_;
  mark(*call.live, group);
  if (failure.empty()) return true;
  end_graph(call, Phase::Failed, failure);
  return false;
}

void Engine::Impl::open_group(Call& call, Index barrier_task) {
  GraphCall& graph = *call.graph;
  Live& live = *call.live;
  Index number = graph.graph->tasks[barrier_task].group;
  std::string name = task_node_name(call, barrier_task);
  Node& group = make_node(live, name, "[" + std::to_string(number) + "]", NodeType::StepGroup, "", call.node->id);
  Node* previous = number == 0 ? nullptr : live.run.find(call.node->name + "[" + std::to_string(number - 1) + "]");
  if (previous == nullptr) {
    add_child(live, *call.node, group);
  } else if (previous->children.empty()) {
    add_child(live, *previous, group);
  } else {
    for (const std::string& id : outbound(live, *previous)) add_child(live, id, group);
  }
  graph.group = &group;
  graph.group_barrier = barrier_task;
  // All members are resolved before any of them starts: one that cannot be fails the group as a whole.
  for (Index member : graph.graph->successors_of(barrier_task)) {
    if (graph.graph->tasks[member].kind != Task::Kind::Call) continue;
    auto resolved = resolve_task(call, member);
    if (!resolved) {
      std::string message = "failed to resolve references: " + resolved.error().message;
      group.phase = Phase::Error;
      group.message = message;
      group.finished = now_;
      graph.group = nullptr;
      end_graph(call, Phase::Failed, message);
      return;
    }
    graph.tasks[member].skip = std::move(resolved->skip);
    graph.tasks[member].arguments = std::move(resolved->arguments);
  }
  scheduler_.complete(graph.frame, barrier_task);
}

// ---- dag ----

static bool has_result(const TaskRecord& record, workflow::TaskResult asked) {
  using workflow::TaskResult;
  if (record.node == nullptr) return false;
  switch (asked) {
    case TaskResult::Succeeded: return record.node->phase == Phase::Succeeded;
    case TaskResult::Failed: return record.node->phase == Phase::Failed;
    case TaskResult::Errored: return record.node->phase == Phase::Error;
    case TaskResult::Skipped: return record.node->phase == Phase::Skipped;
    case TaskResult::Omitted: return record.node->phase == Phase::Omitted;
    case TaskResult::Daemoned:
    case TaskResult::AnySucceeded:
    case TaskResult::AllFailed: return false;  // they need daemons and loops, which the language does not have yet
  }
  return false;
}

void Engine::Impl::begin_dag_task(Call& call, Index task) {
  GraphCall& graph = *call.graph;
  const Task& t = graph.graph->tasks[task];
  auto ask = [&](std::uint32_t other, workflow::TaskResult result) { return has_result(graph.tasks[other], result); };
  if (!t.depends.evaluate(ask)) {
    make_skipped(call, task, Phase::Omitted, "omitted: depends condition not met");
    task_done(call, task);
    return;
  }
  auto resolved = resolve_task(call, task);
  if (!resolved) {
    // Upstream's shape: type Skipped, phase Error.
    make_skipped(call, task, Phase::Error, resolved.error().message);
    task_done(call, task);
  } else if (resolved->skip) {
    make_skipped(call, task, Phase::Skipped, *resolved->skip);
    task_done(call, task);
  } else {
    graph.tasks[task].arguments = std::move(resolved->arguments);
    start_or_hold(call, task);
  }
}

// ---- tasks of both ----

/// `when`, then the arguments; they are left alone when `when` is false.
Result<Engine::Impl::Resolved> Engine::Impl::resolve_task(Call& call, Index task) {
  const Task& t = call.graph->graph->tasks[task];
  Resolved resolved;
  if (const Node* stored = call.live->run.find(task_node_name(call, task))) {
    // An earlier life of the daemon looked at this task; what it found stands.
    if (stored->type == NodeType::Skipped) {
      resolved.skip = stored->message;
      return resolved;
    }
  }
  CallScope scope(*call.live, call, now_);
  if (t.when) {
    auto text = render(*t.when, scope);
    if (!text) return fail(text.error());
    auto wanted = workflow::evaluate_when(*text);
    if (!wanted) return fail(wanted.error());
    if (!*wanted) {
      resolved.skip = "when '" + *text + "' evaluated false";
      return resolved;
    }
  }
  const workflow::Template& callee = call.live->run.plan->templates[t.callee];
  for (const auto& argument : t.arguments) {
    // An argument that is exactly one absent output is dropped, so that the input's default applies.
    auto reference = argument.value.single_reference();
    if (reference && scope.is_absent(*reference)) {
      auto declared = std::find_if(callee.inputs.begin(), callee.inputs.end(),
                                   [&](auto& input) { return input.name == argument.name; });
      if (declared != callee.inputs.end() && (declared->value || declared->default_value)) continue;
    }
    auto value = render(argument.value, scope);
    if (!value) return fail(value.error());
    resolved.arguments.push_back({argument.name, std::move(*value)});
  }
  return resolved;
}

/// The node of a task that does not run. It is type Skipped whatever its phase.
Node& Engine::Impl::make_skipped(Call& call, Index task, Phase phase, const std::string& message) {
  const Task& t = call.graph->graph->tasks[task];
  const std::string& template_name = call.live->run.plan->templates[t.callee].name;
  Node& node = make_node(*call.live, task_node_name(call, task), t.name, NodeType::Skipped, template_name, call.node->id);
  if (!workflow::is_fulfilled(node.phase)) {
    node.phase = phase;
    node.message = message;
    node.finished = now_;
    mark(*call.live, node);
  }
  connect(call, task, node);
  return node;
}

/// Puts a task's node into its record and below its parents in the tree that users see.
void Engine::Impl::connect(Call& call, Index task, Node& node) {
  GraphCall& graph = *call.graph;
  Live& live = *call.live;
  graph.tasks[task].node = &node;
  if (graph.graph->kind == Graph::Kind::Steps) {
    add_child(live, *graph.group, node);
    return;
  }
  const auto& dependencies = graph.graph->tasks[task].depends.tasks();
  if (dependencies.empty()) add_child(live, *call.node, node);
  for (Index dependency : dependencies) {
    for (const std::string& id : outbound(live, *graph.tasks[dependency].node)) add_child(live, id, node);
  }
}

/// Starts the task unless a parallelism limit is reached; stored nodes have passed the limits already.
void Engine::Impl::start_or_hold(Call& call, Index task) {
  GraphCall& graph = *call.graph;
  Live& live = *call.live;
  bool stored = live.is_stored(task_node_name(call, task));
  if (!stored && call.tmpl->parallelism && graph.active >= *call.tmpl->parallelism) {
    graph.tasks[task].state = TaskRecord::State::Held;
    graph.held.push_back(task);
  } else if (!stored && live.run.plan->parallelism && live.active_pods >= *live.run.plan->parallelism) {
    graph.tasks[task].state = TaskRecord::State::Held;
    live.held.push_back({&call, task});
  } else {
    start_task(call, task);
  }
}

void Engine::Impl::start_task(Call& call, Index task) {
  GraphCall& graph = *call.graph;
  if (graph.halt != Halt::No || graph.frame == nullptr) return;
  TaskRecord& record = graph.tasks[task];
  const Task& t = graph.graph->tasks[task];
  record.state = TaskRecord::State::Running;
  ++graph.active;
  record.call = make_call(*call.live, &call, Call::Role::Task, task, t.callee);
  // The node comes first, so that its parents have it before it can end.
  const workflow::Template& callee = *record.call->tmpl;
  NodeType type = type_of(callee, *call.live->run.plan, false);
  Node& node = make_node(*call.live, task_node_name(call, task), t.name, type, callee.name, call.node->id);
  connect(call, task, node);
  begin_call(*record.call, node.name, node.display_name, node.boundary_id, record.arguments);
}

/// The task's own call is over; its exit handler comes before whoever waits for the task.
void Engine::Impl::task_call_ended(Call& call, Index task) {
  TaskRecord& record = call.graph->tasks[task];
  const Task& t = call.graph->graph->tasks[task];
  Live& live = *call.live;
  bool wanted = t.on_exit != kNone && workflow::is_completed(record.node->phase) &&
                (live.run.status.shutdown != Shutdown::Terminate || live.is_stored(record.node->name + ".onExit"));
  if (!wanted) {
    task_done(call, task);
    return;
  }
  record.state = TaskRecord::State::ExitHook;
  record.exit_call = make_call(live, &call, Call::Role::TaskExit, task, t.on_exit);
  record.exit_call->in_exit_handler = true;
  std::string display_name = t.name + ".onExit";
  const workflow::Template& handler = *record.exit_call->tmpl;
  Node& node = make_node(live, record.node->name + ".onExit", display_name, type_of(handler, *live.run.plan, false),
                         handler.name, call.node->id);
  add_child(live, *record.node, node);
  begin_call(*record.exit_call, node.name, display_name, call.node->id, {});
}

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
  if (record.state == TaskRecord::State::Running || record.state == TaskRecord::State::ExitHook) --graph.active;
  record.state = TaskRecord::State::Done;
  if (record.call) bury(record.call);
  if (record.exit_call) bury(record.exit_call);
  record.branch = branch_phase(graph, task);
  if (graph.frame == nullptr) return;
  bool failed = record.node != nullptr && workflow::is_failed_or_error(record.node->phase);
  if (failed && call.tmpl->fail_fast && graph.halt == Halt::No) {
    graph.halt = Halt::FailFast;
    graph.held.clear();
  }
  scheduler_.complete(graph.frame, task);
  if (graph.halt == Halt::No && !graph.held.empty()) {
    Index next = graph.held.front();
    graph.held.pop_front();
    start_or_hold(call, next);
  }
  finish_graph_when_idle(call);
}

void Engine::Impl::finish_graph_when_idle(Call& call) {
  GraphCall& graph = *call.graph;
  if (graph.frame == nullptr) return;
  if (graph.halt != Halt::No) {
    if (graph.active == 0) finish_halted(call);
  } else if (graph.graph->kind == Graph::Kind::Dag && graph.frame->unfinished() == 0) {
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
    case Halt::No: break;
  }
  if (graph.group != nullptr) {
    if (graph.halt != Halt::FailFast && !end_group(call)) return;  // a failed member gives the message
    if (graph.group != nullptr) {
      graph.group->phase = Phase::Failed;
      graph.group->message = reason;
      graph.group->finished = now_;
      mark(*call.live, *graph.group);
    }
    end_graph(call, Phase::Failed, reason);
  } else {
    bool dag = graph.graph->kind == Graph::Kind::Dag && graph.halt != Halt::FailFast;
    bool any = std::any_of(graph.tasks.begin(), graph.tasks.end(), [](const TaskRecord& record) {
      return record.node != nullptr && workflow::is_failed_or_error(record.node->phase);
    });
    end_graph(call, Phase::Failed, dag && any ? "" : reason);
  }
}

/// dag.go assessDAGPhase: a target that failed without continueOn gives the DAG its phase, Error included.
void Engine::Impl::finish_dag(Call& call) {
  GraphCall& graph = *call.graph;
  Phase phase = Phase::Succeeded;
  for (Index target : graph.graph->targets) {
    Phase branch = graph.tasks[target].branch;
    if (!workflow::is_failed_or_error(branch)) continue;
    const auto& continue_on = graph.graph->tasks[target].continue_on;
    if (branch == Phase::Failed ? continue_on.failed : continue_on.error) continue;
    phase = branch;
    if (graph.graph->dag_fail_fast) break;
  }
  end_graph(call, phase, "");
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
      if (last != nullptr) node.outbound_nodes = outbound(live, *last);
    }
  } else {
    for (Index target : graph.graph->targets) {
      if (const Node* end = graph.tasks[target].node) {
        for (std::string& id : outbound(live, *end)) node.outbound_nodes.push_back(std::move(id));
      }
    }
  }
  if (phase == Phase::Succeeded) {
    CallScope scope(live, call, now_);
    for (const auto& output : call.tmpl->outputs) {
      const workflow::Text* source = output.parameter ? &*output.parameter : output.value ? &*output.value : nullptr;
      Result<std::string> value = source != nullptr ? render(*source, scope)
                                                    : fail(Code::NotFound, "output parameter " + output.name +
                                                                               " has no value");
      if (!value && output.default_value) value = render(*output.default_value, scope);
      if (!value) {
        phase = Phase::Error;
        text = value.error().message;
        break;
      }
      node.outputs.parameters.push_back({output.name, std::move(*value)});
    }
  }
  scheduler_.close(std::exchange(graph.frame, nullptr));
  std::erase_if(live.held, [&](const Live::Held& held) { return held.graph == &call; });
  end_call(call, phase, text);
}

}  // namespace gantry::engine
