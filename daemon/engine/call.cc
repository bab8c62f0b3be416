// A call begins and ends: inputs, outputs, retries, exit handlers, the run as a whole.

#include <algorithm>

#include "base/ids.h"
#include "daemon/engine/impl.h"
#include "workflow/quantity.h"

namespace gantry::engine {

using workflow::Template;

// ---- nodes ----

/// The node of that full name: a new one, or the one that an earlier life of the daemon stored.
Node& Engine::Impl::make_node(Live& live, const std::string& name, const std::string& display_name, NodeType type,
                              const std::string& template_name, const std::string& boundary_id) {
  if (Node* stored = live.run.find(name)) return *stored;
  Node node;
  const std::string& run_name = live.run.info.name;
  node.id = name == run_name ? run_name : run_name + "-" + std::to_string(fnv32a(name));
  // 32 bits are few for a run of a hundred thousand nodes: two names may have one hash.
  for (int n = 2; live.by_id.contains(node.id); ++n) {
    node.id = run_name + "-" + std::to_string(fnv32a(name)) + "-" + std::to_string(n);
  }
  node.name = name;
  node.display_name = display_name;
  node.type = type;
  node.template_name = template_name;
  node.boundary_id = boundary_id;
  node.started = now_;
  node.phase = type == NodeType::Pod ? Phase::Pending : Phase::Running;
  Node& added = live.run.nodes.emplace_back(std::move(node));
  live.run.by_name[added.name] = &added;
  live.by_id[added.id] = &added;
  mark(live, added);
  return added;
}

void Engine::Impl::add_child(Live& live, Node& parent, const Node& child) {
  // Only a restored run meets children that are there already; for the others the search would cost n².
  if (live.restored && std::find(parent.children.begin(), parent.children.end(), child.id) != parent.children.end()) {
    return;
  }
  parent.children.push_back(child.id);
  mark(live, parent);
}

void Engine::Impl::add_child(Live& live, const std::string& parent_id, const Node& child) {
  if (auto it = live.by_id.find(parent_id); it != live.by_id.end()) add_child(live, *it->second, child);
}

/// The last nodes of a node, to which its successors are attached (argo-workflows getOutboundNodes).
std::vector<std::string> Engine::Impl::outbound(Live& live, const Node& node) {
  switch (node.type) {
    case NodeType::Pod:
    case NodeType::Skipped:
      return {node.id};
    case NodeType::Retry: {
      for (auto it = node.children.rbegin(); it != node.children.rend(); ++it) {
        const Node& child = *live.by_id.at(*it);
        if (!child.hooked) return outbound(live, child);
      }
      return {node.id};
    }
    case NodeType::StepGroup: {
      std::vector<std::string> ids;
      for (const std::string& child : node.children) {
        for (std::string& id : outbound(live, *live.by_id.at(child))) ids.push_back(std::move(id));
      }
      return ids;
    }
    case NodeType::Steps:
    case NodeType::Dag:
      return node.outbound_nodes;
  }
  return {};
}

// ---- the run ----

void Engine::Impl::start_run(Live& live) {
  const workflow::Plan& plan = *live.run.plan;
  live.root = make_call(live, nullptr, Call::Role::Root, kNone, plan.entrypoint);
  if (plan.active_deadline_seconds) {
    // The deadline counts from the start cut to whole seconds (argo-workflows getWorkflowDeadline).
    auto start = std::chrono::floor<std::chrono::seconds>(live.run.status.started.value_or(now_));
    set_timer(Time(start) + std::chrono::seconds(*plan.active_deadline_seconds), TimerKind::RunDeadline,
              live.run.info.uid, "");
  }
  std::vector<Parameter> arguments;
  for (const auto& argument : plan.arguments) {
    auto value = workflow_variable(live, "workflow.parameters." + argument.name, now_);
    if (value) arguments.push_back({argument.name, std::move(*value)});
  }
  const std::string& name = live.run.info.name;
  begin_call(*live.root, name, name, "", arguments);
}

void Engine::Impl::root_ended(Live& live) {
  const Node& root = *live.root->node;
  bool good = !workflow::is_failed_or_error(root.phase);
  live.main_phase = good ? "Succeeded" : std::string(workflow::phase_name(root.phase));
  live.main_message = good ? "" : root.message;
  if (live.run.status.shutdown != Shutdown::None) {
    live.main_phase = "Failed";
    live.main_message = "Stopped with strategy '" + std::string(shutdown_name(live.run.status.shutdown)) + "'";
  }
  Index handler = live.run.plan->on_exit;
  std::string name = live.run.info.name + ".onExit";
  bool wanted = live.run.status.shutdown != Shutdown::Terminate || live.is_stored(name);
  if (handler == kNone || !wanted) {
    end_run(live);
    return;
  }
  live.exit = make_call(live, nullptr, Call::Role::RunExit, kNone, handler);
  live.exit->in_exit_handler = true;
  begin_call(*live.exit, name, name, "", {});
}

void Engine::Impl::end_run(Live& live) {
  RunStatus& status = live.run.status;
  status.phase = *run_phase_from(live.main_phase);
  status.message = live.main_message;
  // A failed exit handler fails a run that succeeded, and says why.
  if (live.exit && status.phase == RunPhase::Succeeded && workflow::is_failed_or_error(live.exit->node->phase)) {
    status.phase = live.exit->node->phase == Phase::Failed ? RunPhase::Failed : RunPhase::Error;
    status.message = live.exit->node->message;
  }
  status.finished = now_;
  mark_status(live);
  // volumeClaimGC: OnWorkflowSuccess is the default; after a failure `retry` finds the data.
  if (status.phase == RunPhase::Succeeded && !live.run.plan->claim_templates.empty()) {
    live.remove_claims = true;
    if (live.pods.empty()) durable_effect(RemoveClaims{live.run.info.uid});
  }
}

// ---- calls ----

std::unique_ptr<Call> Engine::Impl::make_call(Live& live, Call* parent, Call::Role role, Index task, Index tmpl) {
  auto call = std::make_unique<Call>();
  call->live = &live;
  call->parent = parent;
  call->role = role;
  call->task = task;
  call->tmpl = &live.run.plan->templates[tmpl];
  if (parent != nullptr) {
    call->in_exit_handler = parent->in_exit_handler;
    call->height = parent->height;
    if (role == Call::Role::Task) call->height += parent->graph->graph->height[task];
  }
  return call;
}

NodeType type_of(const Template& tmpl, const workflow::Plan& plan, bool attempt) {
  if (tmpl.retry && !attempt) return NodeType::Retry;
  if (tmpl.kind == Template::Kind::Pod) return NodeType::Pod;
  return plan.graphs[tmpl.body].kind == workflow::Graph::Kind::Steps ? NodeType::Steps : NodeType::Dag;
}

void Engine::Impl::begin_call(Call& call, const std::string& name, const std::string& display_name,
                              const std::string& boundary_id, const std::vector<Parameter>& arguments) {
  Live& live = *call.live;
  NodeType type = type_of(*call.tmpl, *live.run.plan, call.is_attempt());
  Node& node = make_node(live, name, display_name, type, call.tmpl->name, boundary_id);
  call.node = &node;
  node.retried = call.is_attempt();
  node.hooked = call.role == Call::Role::RunExit || call.role == Call::Role::TaskExit;
  if (workflow::is_fulfilled(node.phase)) {  // stored by an earlier life of the daemon
    call_ended(call);
    return;
  }
  if (call.is_attempt()) {
    call.inputs = call.parent->inputs;
  } else {
    auto inputs = resolve_inputs(call, arguments);
    if (!inputs) {
      end_call(call, Phase::Error, inputs.error().message);
      return;
    }
    call.inputs = std::move(*inputs);
  }
  node.inputs = call.inputs;
  run_template(call);
}

/// Argument value, else the input's own value, else its default (argo-workflows ProcessArgs).
Result<std::vector<Parameter>> Engine::Impl::resolve_inputs(Call& call, const std::vector<Parameter>& arguments) {
  std::vector<Parameter> inputs;
  CallScope scope(*call.live, call, now_);
  for (const auto& declared : call.tmpl->inputs) {
    auto given = std::find_if(arguments.begin(), arguments.end(), [&](auto& a) { return a.name == declared.name; });
    std::string value;
    if (given != arguments.end()) {
      value = given->value;
    } else if (declared.value || declared.default_value) {
      auto rendered = render(declared.value ? *declared.value : *declared.default_value, scope);
      if (!rendered) return fail(rendered.error());
      value = std::move(*rendered);
    } else {
      return fail(Code::InvalidArgument, "inputs.parameters." + declared.name + " was not supplied");
    }
    if (!declared.allowed.empty() &&
        std::find(declared.allowed.begin(), declared.allowed.end(), value) == declared.allowed.end()) {
      return fail(Code::InvalidArgument, "inputs.parameters." + declared.name + " value '" + value +
                                             "' is not one of its enum values");
    }
    inputs.push_back({declared.name, std::move(value)});
  }
  return inputs;
}

void Engine::Impl::run_template(Call& call) {
  if (call.tmpl->retry && !call.is_attempt()) {
    call.retry = std::make_unique<RetryCall>();
    if (call.tmpl->retry->limit) {
      auto text = render(*call.tmpl->retry->limit, CallScope(*call.live, call, now_));
      char* end = nullptr;
      std::int64_t limit = text ? std::strtoll(text->c_str(), &end, 10) : 0;
      if (!text || text->empty() || *end != '\0') {
        end_call(call, Phase::Error, text ? "retryStrategy.limit: '" + *text + "' is not a number" : text.error().message);
        return;
      }
      call.retry->limit = limit;
    }
    start_attempt(call);
  } else if (call.tmpl->kind == Template::Kind::Graph) {
    open_graph(call);
  } else {
    open_pod(call);
  }
}

void Engine::Impl::end_call(Call& call, Phase phase, const std::string& message) {
  Node& node = *call.node;
  node.phase = phase;
  node.message = message;
  node.finished = now_;
  mark(*call.live, node);
  call_ended(call);
}

/// The node is fulfilled: tell whoever waits for it.
void Engine::Impl::call_ended(Call& call) {
  switch (call.role) {
    case Call::Role::Root:
      root_ended(*call.live);
      break;
    case Call::Role::RunExit:
      end_run(*call.live);
      break;
    case Call::Role::Task:
      task_call_ended(*call.parent, call.task);
      break;
    case Call::Role::TaskExit:
      // Its result does not change that of the task or of the parent.
      task_done(*call.parent, call.task);
      break;
    case Call::Role::Attempt:
      attempt_ended(*call.parent, call);
      break;
  }
}

// ---- retries ----

void Engine::Impl::start_attempt(Call& call) {
  RetryCall& retry = *call.retry;
  std::string suffix = "(" + std::to_string(retry.attempts++) + ")";
  Index tmpl = static_cast<Index>(call.tmpl - call.live->run.plan->templates.data());
  if (retry.attempt) bury(retry.attempt);
  retry.attempt = make_call(*call.live, &call, Call::Role::Attempt, kNone, tmpl);
  Call& attempt = *retry.attempt;
  // The parent gets its child before the child can end.
  Node& node = make_node(*call.live, call.node->name + suffix, call.node->display_name + suffix,
                         type_of(*call.tmpl, *call.live->run.plan, true), call.tmpl->name, call.node->boundary_id);
  add_child(*call.live, *call.node, node);
  begin_call(attempt, node.name, node.display_name, node.boundary_id, {});
}

static bool is_retriable(workflow::RetryStrategy::Policy policy, const Node& node) {
  using Policy = workflow::RetryStrategy::Policy;
  switch (policy) {
    case Policy::Always: return true;
    case Policy::OnFailure: return node.phase == Phase::Failed;
    case Policy::OnError: return node.phase == Phase::Error;
    // Upstream matches the message against its list of network errors; a lost task is what remains of that here.
    case Policy::OnTransientError: return node.phase == Phase::Error && node.message.starts_with("TaskLost");
  }
  return false;
}

/// The order of the checks is Argo's: shutdown and deadline, policy, limit (operator.go processNodeRetries).
void Engine::Impl::attempt_ended(Call& call, Call& attempt) {
  RetryCall& retry = *call.retry;
  const Node& last = *attempt.node;
  retry.last = &last;
  call.node->outputs = last.outputs;
  std::string next = call.node->name + "(" + std::to_string(retry.attempts) + ")";
  if (!workflow::is_failed_or_error(last.phase)) {
    end_call(call, last.phase, "");
  } else if (call.live->is_stored(next)) {
    start_attempt(call);  // an earlier life of the daemon started it, whatever was asked for since
  } else if (call.live->run.status.shutdown != Shutdown::None && !call.in_exit_handler) {
    end_call(call, last.phase,
             "Stopped with strategy '" + std::string(shutdown_name(call.live->run.status.shutdown)) + "'");
  } else if (call.live->deadline_exceeded && !call.in_exit_handler) {
    end_call(call, last.phase, last.message);
  } else if (!is_retriable(call.tmpl->retry->policy, last)) {
    end_call(call, last.phase, last.message);
  } else if (retry.limit && retry.attempts > *retry.limit) {
    end_call(call, last.phase, "No more retries left");
  } else {
    start_attempt(call);
  }
}

// ---- ending early ----

void Engine::Impl::shut_down(Live& live, Shutdown how) {
  // `terminate` after `stop` is possible, the other way round changes nothing.
  if (how <= live.run.status.shutdown && live.run.status.shutdown != how) return;
  live.run.status.shutdown = how;
  mark_status(live);
  std::string message = "workflow shutdown with strategy:  " + std::string(shutdown_name(how));
  bool everything = how == Shutdown::Terminate;
  std::erase_if(live.held, [&](const Live::Held& held) { return everything || !held.graph->in_exit_handler; });
  bool in_exit = live.exit != nullptr;
  if (live.root && !in_exit) stop_tree(*live.root, Halt::Shutdown, message);
  if (in_exit && how == Shutdown::Terminate) stop_tree(*live.exit, Halt::Shutdown, message);
}

void Engine::Impl::exceed_deadline(Live& live) {
  if (live.exit) return;  // the exit handler runs without this deadline
  live.deadline_exceeded = true;
  std::erase_if(live.held, [](const Live::Held& held) { return !held.graph->in_exit_handler; });
  if (live.root) stop_tree(*live.root, Halt::Deadline, "Step exceeded its deadline");
}

void Engine::Impl::stop_tree(Call& call, Halt why, const std::string& message) {
  if (call.pod) {
    kill_pod(call, message);
  } else if (call.retry) {
    if (call.retry->attempt) stop_tree(*call.retry->attempt, why, message);
  } else if (call.graph) {
    call.graph->halt = why;
    call.graph->held.clear();
    // Ending a child may end this graph and with it the call: the list of children comes first.
    std::vector<Call*> children;
    for (TaskRecord& record : call.graph->tasks) {
      if (record.state == TaskRecord::State::Running) children.push_back(record.call.get());
      // Exit handlers run after `stop` and after the deadline; only `terminate` ends them.
      bool terminated = call.live->run.status.shutdown == Shutdown::Terminate;
      if (record.state == TaskRecord::State::ExitHook && terminated) children.push_back(record.exit_call.get());
      if (record.state == TaskRecord::State::Held) record.state = TaskRecord::State::Waiting;
    }
    for (Call* child : children) stop_tree(*child, why, message);
    if (call.graph->frame != nullptr) finish_graph_when_idle(call);
  }
}

void Engine::Impl::abandon(Call& call) {
  if (call.pod) {
    admission_.release(call.pod->ticket);
    tickets_.erase(call.pod->ticket);
    if (call.pod->state == PodState::Waiting) pods_.erase(call.pod->id);
  }
  if (call.retry && call.retry->attempt) abandon(*call.retry->attempt);
  if (!call.graph) return;
  for (TaskRecord& record : call.graph->tasks) {
    if (record.call) abandon(*record.call);
    if (record.exit_call) abandon(*record.exit_call);
  }
  if (call.graph->frame != nullptr) scheduler_.close(std::exchange(call.graph->frame, nullptr));
}

}  // namespace gantry::engine
