// Pods: admission, start, end, kill. The states are those of docs/states.md.

#include <algorithm>
#include <csignal>
#include <cstdio>

#include "daemon/engine/fit.h"
#include "daemon/engine/impl.h"
#include "daemon/engine/pod_patch.h"
#include "daemon/engine/pod_spec.h"
#include "workflow/quantity.h"

namespace gantry::engine {

/// Whether what pods of the template need besides their specification can always be made; BuiltPod::steady says it of that.
static bool is_steady(const workflow::Template& tmpl) {
  const bool has_clocks = tmpl.active_deadline_seconds || tmpl.timeout || tmpl.pending_timeout || (tmpl.retry && tmpl.retry->backoff);
  return !has_clocks && tmpl.output_artifacts.empty() && !tmpl.archive.location;
}

/// What the pod of a call is made of. Everything that can be wrong with it is found here.
Result<std::unique_ptr<MadePod>> Engine::Impl::make_pod(Call& call) {
  Live& live = *call.live;
  CallScope scope(live, call, now_);
  auto made = std::make_unique<MadePod>();
  auto patch = pod_patch_of(live, call, scope);
  if (!patch) return fail(patch.error());
  auto built = build_pod(live, call, scope, settings_, *patch ? &**patch : nullptr);
  if (!built) return fail(built.error());
  runtime::PodSpec* const spec = &built->spec;
  auto artifacts = pod_artifacts(call, scope, *spec);
  if (!artifacts) return fail(artifacts.error());
  for (const PodArtifacts::Input& input : artifacts->inputs) built->texts.add(artifact_json(input.artifact));
  for (const Artifact& output : artifacts->outputs) built->texts.add(artifact_json(output));
  spec->labels[kSpecHashLabel] = built->texts.text();
  auto deadline = duration_of(call.tmpl->active_deadline_seconds, scope);
  if (!deadline) return fail(deadline.error());
  auto timeout = duration_of(call.tmpl->timeout, scope);
  if (!timeout) return fail(timeout.error());
  auto pending_timeout = duration_of(call.tmpl->pending_timeout, scope);
  if (!pending_timeout) return fail(pending_timeout.error());
  Live::Common& common = live.common_of(*call.tmpl);
  const auto wanted = amounts_of(*spec, settings_.host);
  if (!wanted) return fail(wanted.error());
  common.wanted.set(*wanted);
  if (auto why = impossible(*wanted, admission_, settings_.host)) return fail(Code::ResourceExhausted, "can never start: " + *why);
  common.steady = built->steady && is_steady(*call.tmpl);
  made->wanted = common.wanted;
  made->id = spec->id;
  made->captures_result = spec->capture_stdout;
  made->termination_grace = spec->termination_grace;
  made->spec = std::make_unique<runtime::PodSpec>(std::move(*spec));
  made->artifacts = std::move(*artifacts);
  made->active_deadline = *deadline;
  if (*patch && (*patch)->active_deadline_seconds) {
    made->active_deadline = std::chrono::seconds(*(*patch)->active_deadline_seconds);
  }
  if (call.is_attempt() && call.node->name != call.parent->node->name + "(0)") {
    auto last_moment = retry_deadline(*call.parent);
    if (!last_moment) return fail(last_moment.error());
    made->last_moment = *last_moment;
  }
  made->timeout = *timeout;
  made->pending_timeout = *pending_timeout;
  return made;
}

void Engine::Impl::open_pod(Call& call) {
  Live& live = *call.live;
  // Those behind a long queue would only take memory until it is their turn; and time, if what they are made of is known not
  // to be wrong.
  constexpr std::size_t kKeptMade = 64;
  const bool kept = call.node->start_intended || admission_.waiting() < kKeptMade;
  const Live::Common& common = live.common_of(*call.tmpl);
  if (!kept && common.steady && !restoring_) {
    call.pod = std::make_unique<PodCall>();
    call.pod->place.wanted = common.wanted;
    return enter_pod(call);
  }
  auto made = make_pod(call);
  if (!made) return end_call(call, Phase::Error, made.error().message);

  call.pod = std::make_unique<PodCall>();
  PodCall& pod = *call.pod;
  pod.place.wanted = (*made)->wanted;
  const std::string& uid = live.run.info.uid;
  const Time since = call.node->started.value_or(now_);
  if (const auto timeout = (*made)->timeout) {
    name_pod(call, (*made)->id);
    set_timer(since + *timeout, TimerKind::PodTimeout, uid, pod.id);
  }
  if (const auto timeout = (*made)->pending_timeout; timeout && call.node->phase == Phase::Pending) {
    name_pod(call, (*made)->id);
    set_timer(since + *timeout, TimerKind::PodPending, uid, pod.id);
  }
  // The runtime may have one that an earlier life of the daemon prepared.
  if (restoring_) name_pod(call, (*made)->id);
  if (kept) pod.made = std::move(*made);
  if (call.node->start_intended) return adopt_pod(call);
  enter_pod(call);
}

/// A pod that nobody has heard of yet waits for its turn.
void Engine::Impl::enter_pod(Call& call) {
  Live& live = *call.live;
  call.node->has_pod = true;
  mark(live, *call.node);
  make_container_nodes(call);
  // Whether those that are taken over leave room is known once all are.
  if (live.run.plan->parallelism && (restoring_ || is_full(live))) {
    live.held_pods.push_back(&call);
  } else {
    queue_pod(call);
  }
}

/// From here on the runtime and timers may speak of the pod.
void Engine::Impl::name_pod(Call& call, const std::string& id) {
  call.pod->id = id;
  pods_[id] = {call.live, &call, call.node};
}

/// It asks for its place on the host.
void Engine::Impl::queue_pod(Call& call) {
  PodCall& pod = *call.pod;
  pod.place.owner = &call;
  pod.counted = true;
  ++call.live->active_pods;
  admission_.ask(pod.place, call.live->number, call.live->run.plan->priority.value_or(0), call.height);
}

/// An earlier life of the daemon meant to start it. It holds its place on the host whatever the ledger says.
void Engine::Impl::adopt_pod(Call& call) {
  PodCall& pod = *call.pod;
  pod.place.owner = &call;
  admission_.book(pod.place, call.live->number);
  pod.units = call.node->units;
  units_.hold(*pod.units);
  give_units(*pod.units, settings_.host, *pod.made->spec);
  pod.counted = true;
  ++call.live->active_pods;
  name_pod(call, pod.made->id);
  call.live->pods.insert(pod.id);
  const std::string& name_space = call.live->run.info.name_space;
  if (call.node->phase == Phase::Running) {
    pod.state = PodState::Running;
    // Counted from here at the latest; when it was started, pod_started() will tell.
    set_pod_deadlines(call, now_);
    now_effect(AdoptPod{name_space, std::move(*pod.made->spec), pod.made->artifacts});
    // Whoever waited for it has gone on in that earlier life.
    if (call.node->daemoned) become_daemon(call);
  } else {
    // Nobody knows whether it was started: preparing takes over what there is, and starts what is not started.
    pod.state = PodState::Starting;
    now_effect(PreparePod{name_space, std::move(*pod.made->spec), pod.made->artifacts});
    durable_effect(StartPod{pod.id});
  }
}

/// The host has room for the pod of this call.
void Engine::Impl::grant(Call& call) {
  if (!call.pod->made) {
    auto made = make_pod(call);
    if (!made) return end_pod(call, Phase::Error, made.error().message);
    call.pod->made = std::move(*made);
  }
  hand_over(call);
}

void Engine::Impl::leave_place(Call& call) {
  PodCall& pod = *call.pod;
  units_.give_back(*pod.units);
  pod.units.reset();
  admission_.release(pod.place);
}

void Engine::Impl::hand_over(Call& call) {
  PodCall& pod = *call.pod;
  pod.state = PodState::Starting;
  name_pod(call, pod.made->id);
  call.node->start_intended = true;
  pod.units.reset();
  if (HeldUnits units = units_.take(*pod.place.wanted); !units.empty()) pod.units = std::move(units);
  give_units(*pod.units, settings_.host, *pod.made->spec);
  call.node->units = pod.units;
  call.live->pods.insert(pod.id);
  mark(*call.live, *call.node);
  now_effect(PreparePod{call.live->run.info.name_space, std::move(*pod.made->spec), pod.made->artifacts});
  pod.made->spec.reset();
  durable_effect(StartPod{pod.id});
}

/// The deadlines whose clocks run since the pod was started.
void Engine::Impl::set_pod_deadlines(Call& call, Time started) {
  const PodCall& pod = *call.pod;
  const std::string& uid = call.live->run.info.uid;
  if (pod.made->active_deadline) set_timer(started + *pod.made->active_deadline, TimerKind::PodDeadline, uid, pod.id);
  if (pod.made->last_moment) set_timer(std::max(started, *pod.made->last_moment), TimerKind::AttemptDeadline, uid, pod.id);
}

/// Ends an attempt at the end of backoff.maxDuration. The containers then say themselves how they ended, as upstream's
/// do (argo-workflows workflow/executor monitorDeadline).
void Engine::Impl::end_attempt(Call& call) {
  PodCall& pod = *call.pod;
  if (pod.state != PodState::Running || pod.killed) return;
  durable_effect(SignalPod{pod.id, SIGTERM, false});
  set_timer(now_ + pod.made->termination_grace, TimerKind::PodKill, call.live->run.info.uid, pod.id);
}

void Engine::Impl::pod_started(Call& call, Time at) {
  PodCall& pod = *call.pod;
  if (pod.state == PodState::Over) return;
  set_pod_deadlines(call, at);
  if (pod.state != PodState::Starting) return;  // taken over
  pod.state = PodState::Running;
  call.node->phase = Phase::Running;
  call.node->message.clear();
  mark(*call.live, *call.node);
  node_changed(call);
}

/// argo-workflows operator.go inferFailedReason, for one container. DiskFull is ours: on a cluster such a pod is evicted.
static std::string failure_message(const std::string& container, const runtime::ContainerExit& exit) {
  const std::string what = exit.oom_killed ? "OOMKilled" : exit.disk_full ? "DiskFull" : "Error";
  std::string message = container + ": " + what + " (exit code " + std::to_string(exit.exit_code) + ")";
  if (!exit.reason.empty()) message += ": " + exit.reason;
  return message;
}

/// The nodes of a containerSet's containers (argo-workflows workflow/controller/container_set_template.go).
void Engine::Impl::make_container_nodes(Call& call) {
  const workflow::PodTemplate& pod = call.live->run.plan->pods[call.tmpl->body];
  const auto name_of = [&](const std::string& container) { return call.node->name + "." + container; };
  for (const workflow::Container& container : pod.set) {
    Node& node = make_node(*call.live, name_of(container.name), container.name, NodeType::Container, *call.tmpl,
                           call.node->id, call.node->template_scope);
    if (node.phase == Phase::Running && !node.start_intended) node.phase = Phase::Pending;
  }
  for (const workflow::Container& container : pod.set) {
    const Node& node = *call.live->run.find(name_of(container.name));
    if (container.dependencies.empty()) add_child(*call.live, *call.node, node);
    for (const std::string& other : container.dependencies) {
      add_child(*call.live, *call.live->run.find(name_of(other)), node);
    }
  }
}

void Engine::Impl::pod_container(Call& call, const std::string& container, const runtime::ContainerChange& change) {
  Node* node = call.live->run.find(call.node->name + "." + container);
  if (node == nullptr || node->type != NodeType::Container || workflow::is_fulfilled(node->phase)) return;
  if (change.exit) return;  // the pod's end tells, with the last attempt
  node->phase = Phase::Running;
  node->started = change.at;
  mark(*call.live, *node);
}

void Engine::Impl::end_container_nodes(Call& call, const runtime::PodExit& exit) {
  for (const workflow::Container& container : call.live->run.plan->pods[call.tmpl->body].set) {
    Node* node = call.live->run.find(call.node->name + "." + container.name);
    if (node == nullptr || workflow::is_fulfilled(node->phase)) continue;
    const auto found = exit.containers.find(container.name);
    node->finished = now_;
    if (found == exit.containers.end()) {
      node->phase = Phase::Failed;
    } else {
      const runtime::ContainerExit& ended = found->second;
      // Exit code 64 is the emissary's own: a system error (container_set_template.go).
      const bool error = ended.exit_code == 64 || ended.never_started || ended.exit_code == 143;
      node->phase = ended.exit_code == 0 ? Phase::Succeeded : error ? Phase::Error : Phase::Failed;
      if (ended.exit_code != 0) {
        node->message = failure_message(container.name, ended);
        if (ended.reason.empty()) node->message += ": ";
      }
      if (ended.started != Time{}) node->started = ended.started;
      if (ended.finished != Time{}) node->finished = ended.finished;
    }
    mark(*call.live, *node);
  }
}

void Engine::Impl::pod_ready(Call& call, const std::string& address) {
  PodCall& pod = *call.pod;
  if (pod.state != PodState::Running) return;
  if (call.node->ip != address) {
    call.node->ip = address;
    mark(*call.live, *call.node);
  }
  const bool daemon = call.live->run.plan->pods[call.tmpl->body].daemon;
  if (daemon && !call.node->daemoned && !pod.killed) become_daemon(call);
}

/// What the pod's containers make of it (argo-workflows operator.go inferFailedReason): an init container that failed,
/// then the main ones, then sidecars; being ended by a signal is no failure of a container that is meant to be ended.
static std::pair<Phase, std::string> result_of(const workflow::PodTemplate& pod, const runtime::PodExit& exit) {
  std::string message;
  const auto look = [&](const workflow::Container& container, bool may_be_killed) {
    const auto found = exit.containers.find(container.name);
    if (found == exit.containers.end() || found->second.exit_code == 0) return;
    const int code = found->second.exit_code;
    if (may_be_killed && (code == 137 || code == 143)) return;
    // Those that never ran because of another one have nothing to say of their own.
    if (found->second.never_started) return;
    message += (message.empty() ? "" : "; ") + failure_message(container.name, found->second);
  };
  for (const auto& container : pod.beside) {
    if (container.role == workflow::Container::Role::Init) look(container, true);
  }
  if (!message.empty()) return {Phase::Failed, message};
  if (pod.set.empty()) look(pod.main, false);
  for (const auto& container : pod.set) look(container, false);
  for (const auto& container : pod.beside) {
    if (container.role == workflow::Container::Role::Sidecar) look(container, true);
  }
  return {message.empty() ? Phase::Succeeded : Phase::Failed, message};
}

/// `N/M` of the progress file; anything else counts as nothing said (argo-workflows workflow_types.go ParseProgress).
/// Whether the node changed.
static bool take_progress(Node& node, const std::string& text) {
  unsigned done = 0, total = 0;
  int end = 0;
  if (text.size() > 40 || std::sscanf(text.c_str(), "%9u/%9u%n", &done, &total, &end) != 2) return false;
  if (text.find_first_not_of(" \n", static_cast<std::size_t>(end)) != std::string::npos || done > total || total == 0) return false;
  const bool changed = done != node.progress_done || total != node.progress_total;
  node.progress_done = done;
  node.progress_total = total;
  return changed;
}

void Engine::Impl::pod_output(Call& call, const std::string& output, const std::string& content) {
  if (call.pod->state != PodState::Running || output != kProgressOutput) return;
  if (take_progress(*call.node, content)) mark(*call.live, *call.node);
}

void Engine::Impl::pod_exited(Call& call, const runtime::PodExit& exit) {
  PodCall& pod = *call.pod;
  if (pod.state != PodState::Starting && pod.state != PodState::Running) return;
  if (pod.daemon_over) return end_pod(call, Phase::Succeeded, "");
  auto [phase, message] = result_of(call.live->run.plan->pods[call.tmpl->body], exit);
  const auto main = exit.containers.find("main");
  if (main != exit.containers.end() && !main->second.never_started) {
    call.node->outputs.edit().exit_code = std::to_string(main->second.exit_code);
  }
  if (pod.killed) {
    phase = Phase::Failed;
    message = pod.kill_message;
  }
  const auto progress = exit.outputs.find(kProgressOutput);
  if (progress != exit.outputs.end() && progress->second) take_progress(*call.node, *progress->second);
  end_container_nodes(call, exit);
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
  CallScope scope(*call.live, call, now_);
  auto trimmed = [](std::string text) {
    if (text.ends_with('\n')) text.pop_back();  // exactly one
    return text;
  };
  if (call.pod->made->captures_result) call.node->outputs.edit().result = trimmed(exit.stdout_tail);
  std::optional<std::string> missing;
  for (const auto& declared : call.tmpl->outputs) {
    Result<std::string> value = fail(Code::NotFound, "no value");
    if (auto file = exit.outputs.find(declared.name); declared.path && file != exit.outputs.end()) {
      value = file->second;
      if (value) value = trimmed(std::move(*value));
    } else if (declared.expression) {
      auto result = evaluate(*declared.expression, scope);
      if (!result) {
        value = fail(result.error());
      } else if (!result->is_nil()) {
        value = workflow::expr::to_text(*result);
      }
    } else if (declared.value) {
      value = render(*declared.value, scope);
    }
    if (!value && declared.default_value) value = render(*declared.default_value, scope);
    if (value) {
      call.node->outputs.edit().parameters.push_back({declared.name, std::move(*value)});
    } else if (!missing && succeeded) {
      missing = "wait: Error (exit code 64): output parameter " + declared.name + ": " + value.error().message;
    }
  }
  const std::string files = take_output_artifacts(call, exit);
  if (!files.empty() && !missing && succeeded) missing = "wait: Error (exit code 64): " + files;
  return missing;
}

void Engine::Impl::pod_failed(Call& call, const Error& error, bool lost) {
  PodCall& pod = *call.pod;
  if (pod.state == PodState::Over) return;
  if (pod.killed) return end_pod(call, Phase::Failed, pod.kill_message);
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
      if (std::exchange(pod.killed, true)) return;
      pod.kill_message = message;
      durable_effect(SignalPod{pod.id, SIGTERM, false});
      set_timer(now_ + pod.made->termination_grace, TimerKind::PodKill, call.live->run.info.uid, pod.id);
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
  end_container_nodes(call, {});  // those that the pod's end has not told of
  leave_place(call);
  if (pod.counted) {
    --live.active_pods;
  } else {
    std::erase(live.held_pods, &call);
  }
  if (known) {
    pods_[pod.id].call = nullptr;
    durable_effect(RemovePod{pod.id});
  } else {
    pods_.erase(pod.id);
  }
  if (pod.daemon_over) {
    // Its node has its result already, but where nobody was served.
    Call& outer = call.is_attempt() ? *call.parent : call;
    const auto of_outer = [&](const std::unique_ptr<Call>& daemon) { return daemon.get() == &outer; };
    const auto found = std::find_if(live.daemons.begin(), live.daemons.end(), of_outer);
    if (found == live.daemons.end()) {
      call.node->daemoned = false;
      return end_call(call, Phase::Succeeded, "");
    }
    bury(*found);
    live.daemons.erase(found);
    return;
  }
  if (daemon_exited(call, phase, message)) return;
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
