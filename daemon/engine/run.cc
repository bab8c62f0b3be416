// The run as a whole: its begin, its exit handler, its end, stop and deadline.

#include "daemon/engine/impl.h"

namespace gantry::engine {

/// `created` order and priority of everything that a run asks locks for.
static Locks::Request request_of(const Live& live, void* holder, std::vector<LockKey> keys) {
  return {holder, std::move(keys), live.run.plan->priority.value_or(0), live.run.info.created};
}

void Engine::Impl::start_run(Live& live) {
  const workflow::Plan& plan = *live.run.plan;
  std::optional<Error> error;
  live.arguments = resolve_arguments(live, error);
  if (error) return fail_run(live, error->message);
  if (live.created) {
    if (auto labelled = label_run(live); !labelled) return fail_run(live, labelled.error().message);
  }
  const bool was_begun = live.run.find(live.run.info.name) != nullptr;
  if (live.run.status.suspended && !was_begun) return;
  if (!plan.locks.empty() && !live.locked) {
    auto keys = lock_keys(live, plan.locks, RunScope(live, now_));
    if (!keys) return fail_run(live, keys.error().message);
    live.locks = std::move(*keys);
    for (const LockKey& key : live.locks) {
      if (auto limit = limit_of(key); !limit) {
        live.main_phase = "Failed";
        live.main_message = "Failed to acquire the synchronization lock. " + limit.error().message;
        return end_run(live);
      }
    }
    if (live.restored && was_begun && live.run.status.phase != RunPhase::Pending) {
      locks_.force(&live, live.locks);
    } else {
      locks_.wait(request_of(live, &live, live.locks));
      pass_locks();
      if (live.begun) return;
      live.run.status.phase = RunPhase::Pending;
      live.run.status.message = locks_.message(&live, [this](const LockKey& key) { return limit_of(key); });
      return mark_status(live);
    }
    live.locked = true;
  }
  begin_root(live);
}

/// The values of workflow.parameters: given, or from a ConfigMap; and the artifacts.
Values Engine::Impl::resolve_arguments(Live& live, std::optional<Error>& error) {
  Values values;
  std::vector<Parameter>& out = values.parameters;
  const RunScope scope(live, now_);
  for (const auto& declared : live.run.plan->arguments) {
    const workflow::Text* text = declared.value ? &*declared.value : nullptr;
    if (text == nullptr && declared.config_map_key) {
      auto value = config_map_value(live, *declared.config_map_key, scope);
      if (value) {
        out.push_back({declared.name, std::move(*value)});
        continue;
      }
      if (!declared.default_value) {
        if (!declared.config_map_key->optional) error = value.error();
        continue;
      }
    }
    if (text == nullptr && declared.default_value) text = &*declared.default_value;
    if (text == nullptr) continue;
    // An argument may refer to what is known of the run, but not to other arguments.
    auto rendered = text->is_literal() ? Result<std::string>(text->source()) : text->render(scope);
    out.push_back({declared.name, rendered ? std::move(*rendered) : text->source()});
  }
  live.arguments.parameters = out;  // which the artifacts may name
  auto artifacts = resolve_artifacts(live.run.plan->artifacts, scope);
  if (!artifacts) error = std::move(artifacts.error());
  values.artifacts = std::move(artifacts).value_or(std::vector<Artifact>());
  return values;
}

void Engine::Impl::begin_root(Live& live) {
  const workflow::Plan& plan = *live.run.plan;
  live.begun = true;
  if (live.run.status.phase == RunPhase::Pending) {
    live.run.status.phase = RunPhase::Running;
    live.run.status.message.clear();
    mark_status(live);
  }
  live.root = make_call(live, nullptr, Call::Role::Root, plan.entrypoint);
  if (const auto deadline = deadline_of(live)) set_timer(*deadline, TimerKind::RunDeadline, live.run.info.uid, "");
  // The node comes first: hooks are below it.
  const std::string& name = live.run.info.name;
  make_node(live, name, name, type_of(*live.root->tmpl, plan, false), *live.root->tmpl, "", scope_of_caller(*live.root));
  run_run_hooks(live);
  begin_call(*live.root, name, name, "", live.arguments);
}

/// It cannot begin.
void Engine::Impl::fail_run(Live& live, const std::string& message) {
  live.main_phase = "Error";
  live.main_message = message;
  end_run(live);
}

void Engine::Impl::root_ended(Live& live) {
  const Node& root = *live.root->node;
  bool good = !workflow::is_failed_or_error(root.phase);
  live.main_phase = good ? "Succeeded" : std::string(workflow::phase_name(root.phase));
  live.main_message = good ? "" : root.message;
  if (never_began(*live.root) && live.run.status.shutdown == Shutdown::None) {
    // Upstream gives the workflow up here: neither hooks nor the exit handler run.
    live.main_message = "error in entry template execution: " + root.message;
    live.exit_decided = true;
    return end_run_when_idle(live);
  }
  if (live.run.status.shutdown != Shutdown::None) {
    live.main_phase = "Failed";
    live.main_message = "Stopped with strategy '" + std::string(shutdown_name(live.run.status.shutdown)) + "'";
  }
  run_run_hooks(live);
  const workflow::Hook* handler = live.run.plan->exit_hook();
  std::string name = live.run.info.name + ".onExit";
  bool wanted = handler != nullptr && (live.run.status.shutdown != Shutdown::Terminate || live.is_stored(name));
  if (wanted && handler->expression && !live.is_stored(name)) {
    auto yes = evaluate_bool(*handler->expression, RunScope(live, now_));
    if (!yes) {
      live.main_phase = "Error";
      live.main_message = yes.error().message;
    }
    wanted = yes.value_or(false);
  }
  live.exit_decided = true;
  if (!wanted) return end_run_when_idle(live);
  live.exit = make_call(live, nullptr, Call::Role::RunExit, handler->callee);
  live.exit->in_exit_handler = true;
  Values arguments = live.arguments;
  if (!handler->arguments.empty() || !handler->artifacts.empty()) {
    auto resolved =
        resolve_arguments(*live.exit, handler->arguments, handler->artifacts, handler->callee, RunScope(live, now_));
    if (!resolved) {
      live.main_phase = "Error";
      live.main_message = resolved.error().message;
      bury(live.exit);
      return end_run_when_idle(live);
    }
    arguments = std::move(*resolved);
  }
  begin_call(*live.exit, name, name, "", arguments);
}

/// Hooks of the run may still go on.
void Engine::Impl::end_run_when_idle(Live& live) {
  if (!live.exit_decided) return;
  const bool main_over = live.root && workflow::is_fulfilled(live.root->node->phase);
  const bool exit_over = !live.exit || workflow::is_fulfilled(live.exit->node->phase);
  if (any_runs(live.hooks)) return;
  if (main_over && exit_over && !is_ended(live.run.status.phase)) end_run(live);
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
  if (live.exit && never_began(*live.exit)) {
    status.phase = RunPhase::Error;
    status.message = "error in exit template execution : " + live.exit->node->message;  // upstream's blank
  }
  status.finished = now_;
  mark_status(live);
  end_nodes_left(live);
  delete_artifacts(live);
  locks_.release(&live);
  locks_released_ = true;
  // After a failure `retry` finds the data, unless volumeClaimGC says otherwise.
  const workflow::Plan& plan = *live.run.plan;
  const bool always = plan.claim_gc == workflow::Plan::ClaimGc::OnWorkflowCompletion;
  if ((status.phase == RunPhase::Succeeded || always) && !plan.claim_templates.empty()) {
    live.remove_claims = true;
    if (live.pods.empty()) durable_effect(RemoveClaims{live.run.info.uid});
  }
}

/// What an earlier life left unfinished below a call that then never came to it: it waited for a lock, and was stopped.
void Engine::Impl::end_nodes_left(Live& live) {
  if (!live.restored) return;
  for (Node& node : live.run.nodes) {
    if (workflow::is_fulfilled(node.phase)) continue;
    node.phase = Phase::Failed;
    node.message = live.main_message;
    node.finished = now_;
    mark(live, node);
  }
}

// ---- ending early ----

void Engine::Impl::shut_down(Live& live, Shutdown how) {
  // `terminate` after `stop` is possible, the other way round changes nothing.
  if (how <= live.run.status.shutdown && live.run.status.shutdown != how) return;
  live.run.status.shutdown = how;
  mark_status(live);
  if (live.run.status.suspended) resume(live);
  if (!live.begun) {
    live.main_phase = "Failed";
    live.main_message = "Stopped with strategy '" + std::string(shutdown_name(how)) + "'";
    return end_run(live);
  }
  std::string message = "workflow shutdown with strategy:  " + std::string(shutdown_name(how));
  bool everything = how == Shutdown::Terminate;
  bool in_exit = live.exit != nullptr;
  if (live.root && !in_exit) stop_tree(*live.root, Halt::Shutdown, message);
  if (in_exit && everything) stop_tree(*live.exit, Halt::Shutdown, message);
  if (!everything) return drop_held(live);
  live.held.clear();
  std::vector<Call*> hooks;
  for (const HookCall& hook : live.hooks) {
    if (hook.call) hooks.push_back(hook.call.get());
  }
  for (Call* hook : hooks) stop_tree(*hook, Halt::Shutdown, message);
}

/// It counts from the start cut to whole seconds (argo-workflows getWorkflowDeadline).
std::optional<Time> Engine::Impl::deadline_of(const Live& live) const {
  const auto& seconds = live.run.plan->active_deadline_seconds;
  if (!seconds) return std::nullopt;
  const auto start = std::chrono::floor<std::chrono::seconds>(live.run.status.started.value_or(now_));
  return Time(start) + std::chrono::seconds(*seconds);
}

void Engine::Impl::exceed_deadline(Live& live) {
  if (live.exit) return;  // the exit handler runs without this deadline
  live.deadline_exceeded = true;
  if (live.root) stop_tree(*live.root, Halt::Deadline, "Step exceeded its deadline");
  drop_held(live);
}

/// Graphs of hooks and exit handlers that go on keep what they hold.
void Engine::Impl::drop_held(Live& live) {
  std::erase_if(live.held, [](const Live::Held& held) { return held.graph->graph->halt != Halt::No; });
}

void Engine::Impl::stop_tree(Call& call, Halt why, const std::string& message) {
  if (workflow::is_fulfilled(call.node->phase)) return;
  if (call.pod) {
    kill_pod(call, message);
  } else if (call.request) {
    cancel_request(call);
    end_call(call, Phase::Failed, message);
  } else if (call.retry && !call.retry->waiting) {
    if (call.retry->attempt) stop_tree(*call.retry->attempt, why, message);
  } else if (call.graph) {
    call.graph->halt = why;
    call.graph->held.clear();
    // Ending a child may end this graph and with it the call: the list of children comes first.
    std::vector<Call*> children;
    // Exit handlers run after `stop` and after the deadline; only `terminate` ends them.
    const bool hooks_too = call.live->run.status.shutdown == Shutdown::Terminate;
    for (TaskRecord& record : call.graph->tasks) {
      for (Member& member : record.members) {
        if (member.state == Member::State::Held) member.state = Member::State::Waiting;
        if (member.state == Member::State::Running) children.push_back(member.call.get());
        for (HookCall& hook : member.hooks) {
          if (hook.call && hooks_too) children.push_back(hook.call.get());
        }
      }
      for (HookCall& hook : record.hooks) {
        if (hook.call && hooks_too) children.push_back(hook.call.get());
      }
    }
    for (Call* child : children) stop_tree(*child, why, message);
    if (call.graph && call.graph->frame != nullptr) finish_graph_when_idle(call);
  } else {
    // It waits: for a lock, for a backoff's end, to be resumed.
    end_call(call, Phase::Failed, message);
  }
}

void Engine::Impl::abandon(Call& call) {
  locks_.release(&call);
  if (call.request) cancel_request(call);
  if (call.pod) {
    leave_place(call);
    std::erase(call.live->held_pods, &call);
    if (call.pod->state == PodState::Waiting) pods_.erase(call.pod->id);
  }
  if (call.retry && call.retry->attempt) abandon(*call.retry->attempt);
  if (!call.graph) return;
  for (const auto& daemon : call.graph->daemons) abandon(*daemon);
  const auto abandon_hooks = [&](std::vector<HookCall>& hooks) {
    for (HookCall& hook : hooks) {
      if (hook.call) abandon(*hook.call);
    }
  };
  for (TaskRecord& record : call.graph->tasks) {
    for (Member& member : record.members) {
      if (member.call) abandon(*member.call);
      abandon_hooks(member.hooks);
    }
    abandon_hooks(record.hooks);
  }
  if (call.graph->frame != nullptr) worker_.close(std::exchange(call.graph->frame, nullptr));
}

}  // namespace gantry::engine
