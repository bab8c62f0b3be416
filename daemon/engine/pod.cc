// Pods: admission, start, end, kill. The states are those of docs/states.md.

#include <csignal>

#include "daemon/engine/impl.h"
#include "daemon/engine/pod_spec.h"
#include "workflow/quantity.h"

namespace gantry::engine {

/// A text that holds a number of seconds or a Go duration, rendered.
static Result<std::optional<Duration>> duration_of(const std::optional<workflow::Text>& text, const CallScope& scope) {
  if (!text) return std::nullopt;
  auto rendered = render(*text, scope);
  if (!rendered) return fail(rendered.error());
  if (rendered->empty()) return std::nullopt;
  auto value = workflow::parse_duration_or_seconds(*rendered);
  if (!value) return fail(value.error());
  return std::optional<Duration>(*value);
}

void Engine::Impl::open_pod(Call& call) {
  Live& live = *call.live;
  CallScope scope(live, call, now_);
  auto spec = build_pod(live, call, scope, settings_);
  if (!spec) return end_call(call, Phase::Error, spec.error().message);
  auto deadline = duration_of(call.tmpl->active_deadline_seconds, scope);
  if (!deadline) return end_call(call, Phase::Error, deadline.error().message);
  auto timeout = duration_of(call.tmpl->timeout, scope);
  if (!timeout) return end_call(call, Phase::Error, timeout.error().message);
  scheduler::Amounts wanted = amounts_of(*spec);
  if (auto why = admission_.impossible(wanted)) return end_call(call, Phase::Error, "can never start: " + *why);

  call.pod = std::make_unique<PodCall>();
  PodCall& pod = *call.pod;
  pod.id = spec->id;
  pod.spec = std::move(*spec);
  pod.wanted = wanted;
  pod.active_deadline = *deadline;
  pod.ticket = next_ticket_++;
  pods_[pod.id] = {&live, &call, call.node};
  ++live.active_pods;
  const std::string& uid = live.run.info.uid;
  if (*timeout) set_timer(call.node->started.value_or(now_) + **timeout, TimerKind::PodTimeout, uid, pod.id);
  if (call.node->start_intended) {
    adopt_pod(call);
    return;
  }
  call.node->pod = pod.id;
  mark(live, *call.node);
  tickets_[pod.ticket] = &call;
  admission_.enqueue(pod.ticket, wanted, live.run.plan->priority.value_or(0), call.height);
}

/// An earlier life of the daemon meant to start it. It holds its place on the host whatever the ledger says.
void Engine::Impl::adopt_pod(Call& call) {
  PodCall& pod = *call.pod;
  admission_.book(pod.ticket, pod.wanted);
  call.live->pods.insert(pod.id);
  const std::string& name_space = call.live->run.info.name_space;
  if (call.node->phase == Phase::Running) {
    pod.state = PodState::Running;
    if (pod.active_deadline) {
      set_timer(call.node->started.value_or(now_) + *pod.active_deadline, TimerKind::PodDeadline,
                call.live->run.info.uid, pod.id);
    }
    now_effect(AdoptPod{name_space, std::move(pod.spec)});
  } else {
    // Nobody knows whether it was started: preparing takes over what there is, and starts what is not started.
    pod.state = PodState::Starting;
    now_effect(PreparePod{name_space, std::move(pod.spec)});
    durable_effect(StartPod{pod.id});
  }
}

/// The host has room for the pod that holds this ticket.
void Engine::Impl::grant(std::uint64_t ticket) {
  auto it = tickets_.find(ticket);
  Call& call = *it->second;
  tickets_.erase(it);
  hand_over(call);
}

void Engine::Impl::hand_over(Call& call) {
  PodCall& pod = *call.pod;
  pod.state = PodState::Starting;
  call.node->start_intended = true;
  call.live->pods.insert(pod.id);
  mark(*call.live, *call.node);
  now_effect(PreparePod{call.live->run.info.name_space, std::move(pod.spec)});
  durable_effect(StartPod{pod.id});
}

void Engine::Impl::pod_started(Call& call, Time at) {
  PodCall& pod = *call.pod;
  if (pod.state != PodState::Starting) return;
  pod.state = PodState::Running;
  call.node->phase = Phase::Running;
  call.node->message.clear();
  mark(*call.live, *call.node);
  if (pod.active_deadline) {
    set_timer(at + *pod.active_deadline, TimerKind::PodDeadline, call.live->run.info.uid, pod.id);
  }
}

/// argo-workflows operator.go inferFailedReason, for one container.
static std::string failure_message(const std::string& container, const runtime::ContainerExit& exit) {
  std::string what = exit.oom_killed ? "OOMKilled" : "Error";
  std::string message = container + ": " + what + " (exit code " + std::to_string(exit.exit_code) + ")";
  if (!exit.reason.empty()) message += ": " + exit.reason;
  return message;
}

void Engine::Impl::pod_exited(Call& call, const runtime::PodExit& exit) {
  PodCall& pod = *call.pod;
  if (pod.state != PodState::Starting && pod.state != PodState::Running) return;
  Phase phase = Phase::Succeeded;
  std::string message;
  for (const auto& [name, container] : exit.containers) {
    call.node->outputs.exit_code = std::to_string(container.exit_code);
    if (container.exit_code == 0) continue;
    phase = Phase::Failed;
    message = failure_message(name, container);
  }
  if (!pod.kill_message.empty()) {
    phase = Phase::Failed;
    message = pod.kill_message;
  }
  auto missing = take_outputs(call, exit, phase == Phase::Succeeded);
  if (missing && phase == Phase::Succeeded) {
    phase = Phase::Error;
    message = *missing;
  }
  end_pod(call, phase, message);
}

/// Fills the node's outputs. Returns why a required one is missing; after a failure they are taken as far as they go,
/// for exit handlers and retries.
std::optional<std::string> Engine::Impl::take_outputs(Call& call, const runtime::PodExit& exit, bool succeeded) {
  NodeOutputs& outputs = call.node->outputs;
  CallScope scope(*call.live, call, now_);
  auto trimmed = [](std::string text) {
    if (text.ends_with('\n')) text.pop_back();  // exactly one
    return text;
  };
  if (call.tmpl->captures_result) outputs.result = trimmed(exit.stdout_tail);
  std::optional<std::string> missing;
  for (const auto& declared : call.tmpl->outputs) {
    Result<std::string> value = fail(Code::NotFound, "no value");
    if (auto file = exit.outputs.find(declared.name); declared.path && file != exit.outputs.end()) {
      value = file->second;
      if (value) value = trimmed(std::move(*value));
    } else if (declared.value) {
      value = render(*declared.value, scope);
    }
    if (!value && declared.default_value) value = render(*declared.default_value, scope);
    if (value) {
      outputs.parameters.push_back({declared.name, std::move(*value)});
    } else if (!missing && succeeded) {
      missing = "wait: Error (exit code 64): output parameter " + declared.name + ": " + value.error().message;
    }
  }
  return missing;
}

void Engine::Impl::pod_failed(Call& call, const Error& error, bool lost) {
  PodCall& pod = *call.pod;
  if (pod.state == PodState::Over) return;
  if (!pod.kill_message.empty()) return end_pod(call, Phase::Failed, pod.kill_message);
  end_pod(call, Phase::Error, lost ? "TaskLost: " + error.message : error.message);
}

/// Tells a pod to end. What is not started yet ends at once.
void Engine::Impl::kill_pod(Call& call, const std::string& message) {
  PodCall& pod = *call.pod;
  switch (pod.state) {
    case PodState::Waiting:
    case PodState::Starting:
      end_pod(call, Phase::Failed, message);
      break;
    case PodState::Running:
      if (!pod.kill_message.empty()) return;
      pod.kill_message = message;
      durable_effect(SignalPod{pod.id, SIGTERM, false});
      set_timer(now_ + settings_.termination_grace, TimerKind::PodKill, call.live->run.info.uid, pod.id);
      break;
    case PodState::Over:
      break;
  }
}

void Engine::Impl::end_pod(Call& call, Phase phase, const std::string& message) {
  PodCall& pod = *call.pod;
  Live& live = *call.live;
  bool known = pod.state != PodState::Waiting;
  pod.state = PodState::Over;
  admission_.release(pod.ticket);
  tickets_.erase(pod.ticket);
  --live.active_pods;
  if (known) {
    pods_[pod.id].call = nullptr;
    durable_effect(RemovePod{pod.id});
  } else {
    pods_.erase(pod.id);
  }
  end_call(call, phase, message);
}

void Engine::Impl::pod_removed(const std::string& pod) {
  auto it = pods_.find(pod);
  if (it == pods_.end()) return;
  if (it->second.call != nullptr) {
    // Somebody else removed it: it is gone, and nobody will tell how it ended.
    pod_failed(*it->second.call, Error{Code::NotFound, "the container was removed"}, true);
    return;
  }
  Live& live = *it->second.live;
  pods_.erase(it);
  live.pods.erase(pod);
  if (!live.pods.empty()) return;
  if (live.remove_claims && (live.forgotten || is_ended(live.run.status.phase))) {
    durable_effect(RemoveClaims{live.run.info.uid});
  }
  if (live.forgotten) erase_run(live.run.info.uid);
}

}  // namespace gantry::engine
