#include "daemon/engine/engine.h"

#include <csignal>

#include "daemon/engine/impl.h"

namespace gantry::engine {

// ---- the output of one event ----

void Engine::Impl::begin(Time now) {
  now_ = now;
  // What the last output pointed at may go now.
  graveyard_.clear();
  gone_.clear();
}

Output Engine::Impl::finish() {
  pump();
  for (Live* live : touched_) {
    live->touched = false;
    const std::vector<Node*> nodes = std::exchange(live->changed_nodes, {});
    for (Node* node : nodes) node->changed = false;
    output_.changed.push_back({&live->run, std::exchange(live->created, false),
                               std::exchange(live->status_changed, false),
                               std::exchange(live->respecified, false),
                               std::exchange(live->deleted_nodes, {}),
                               {nodes.begin(), nodes.end()}});
  }
  touched_.clear();
  return std::exchange(output_, {});
}

void Engine::Impl::touch(Live& live) {
  if (std::exchange(live.touched, true)) return;
  touched_.push_back(&live);
}

void Engine::Impl::mark(Live& live, Node& node) {
  touch(live);
  if (!std::exchange(node.changed, true)) live.changed_nodes.push_back(&node);
}

void Engine::Impl::mark_status(Live& live) {
  touch(live);
  live.status_changed = true;
}

/// Takes what is ready until nothing is: tasks first (they cost nothing), then tasks that waited for a parallelism
/// limit, then pods that fit on the host.
void Engine::Impl::pump() {
  for (;;) {
    if (auto ready = worker_.next()) {
      begin_task(*static_cast<Call*>(ready->frame->owner()), ready->task);
    } else if (std::exchange(locks_released_, false)) {
      pass_locks();
    } else if (!taking_up_ && release_held()) {
    } else if (restoring_ || taking_up_) {
      return;
    } else if (scheduler::Admission::Request* granted = admission_.grant()) {
      grant(*static_cast<Call*>(granted->owner));
    } else {
      return;
    }
  }
}

bool Engine::Impl::is_full(const Live& live) const {
  return live.run.plan->parallelism && live.active_pods >= *live.run.plan->parallelism;
}

/// Starts one task that a limit on parallelism held back, if there is room for one. True when it did something.
bool Engine::Impl::release_held() {
  while (!graphs_with_room_.empty()) {
    Call& call = *graphs_with_room_.front();
    GraphCall& graph = *call.graph;
    if (graph.held.empty() || graph.halt != Halt::No || graph.active >= *call.tmpl->parallelism) {
      graphs_with_room_.pop_front();
      continue;
    }
    const auto next = graph.held.front();
    graph.held.pop_front();
    start_or_hold(call, next.task, next.member);
    return true;
  }
  for (auto& [uid, live] : runs_) {
    if (live->held_pods.empty() || restoring_ || live->run.status.suspended || is_full(*live)) continue;
    Call& pod = *live->held_pods.front();
    live->held_pods.pop_front();
    queue_pod(pod);
    return true;
  }
  for (auto& [uid, live] : runs_) {
    if (live->held.empty() || live->run.status.suspended || is_full(*live)) continue;
    auto [graph, task, member] = live->held.front();
    live->held.pop_front();
    start_or_hold(*graph, task, member);
    return true;
  }
  return false;
}

// ---- runs ----

Engine::Impl::~Impl() {
  for (auto& [uid, live] : runs_) {
    for (auto* root : {&live->root, &live->exit}) {
      if (*root) abandon(**root);
    }
    for (HookCall& hook : live->hooks) {
      if (hook.call) abandon(*hook.call);
    }
    for (const auto& daemon : live->daemons) abandon(*daemon);
  }
}

Live& Engine::Impl::add_run(RunInfo info, workflow::PlanPtr plan) {
  auto live = std::make_unique<Live>();
  live->number = next_number_++;
  live->run.info = std::move(info);
  live->run.plan = std::move(plan);
  for (const workflow::Template& tmpl : live->run.plan->templates) live->common.push_back({tmpl.name, tmpl.scope, {}});
  Live& added = *live;
  by_name_[{added.run.info.name_space, added.run.info.name}] = &added;
  runs_[added.run.info.uid] = std::move(live);
  return added;
}

Live* Engine::Impl::live(const std::string& uid) {
  auto it = runs_.find(uid);
  return it == runs_.end() ? nullptr : it->second.get();
}

void Engine::Impl::erase_run(const std::string& uid) {
  auto it = runs_.find(uid);
  Live& live = *it->second;
  auto name = by_name_.find({live.run.info.name_space, live.run.info.name});
  if (name != by_name_.end() && name->second == &live) by_name_.erase(name);
  for (const std::string& pod : live.pods) pods_.erase(pod);
  std::erase(touched_, &live);
  gone_.push_back(std::move(it->second));
  runs_.erase(it);
}

void Engine::Impl::take_nodes(Live& live, std::vector<Node> nodes) {
  for (Node& node : nodes) {
    if (node.id.empty()) node.id = new_node_id(live, node.name);
    Node& taken = live.run.nodes.emplace_back(std::move(node));
    live.run.by_name.add(taken);
    live.by_id.add(taken);
  }
}

/// Lets go of a run that is over and is about to go on, with `pods` that the runtime has not cleared away yet. Daemons
/// among them may still be ending.
void Engine::Impl::leave_behind(const std::string& uid, std::unordered_set<std::string>& pods) {
  Live* old = live(uid);
  if (old == nullptr) return;
  for (auto& daemon : std::exchange(old->daemons, {})) {
    abandon(*daemon);
    bury(daemon);
  }
  pods = std::exchange(old->pods, {});
  for (const std::string& pod : pods) {
    if (std::exchange(pods_.at(pod).call, nullptr) != nullptr) durable_effect(RemovePod{pod});
  }
  erase_run(uid);
}

Call* Engine::Impl::call_of_pod(const std::string& pod) {
  auto it = pods_.find(pod);
  return it == pods_.end() ? nullptr : it->second.call;
}

// ---- timers ----

void Engine::Impl::set_timer(Time at, TimerKind kind, const std::string& uid, const std::string& subject) {
  std::uint64_t token = next_timer_++;
  timers_[token] = {kind, uid, subject, live(uid)->run.status.retries};
  now_effect(SetTimer{at, token});
}

void Engine::Impl::timer_due(std::uint64_t token) {
  auto it = timers_.find(token);
  if (it == timers_.end()) return;
  Timer timer = std::move(it->second);
  timers_.erase(it);
  Live* run = live(timer.uid);
  if (run == nullptr || run->forgotten || run->run.status.retries != timer.life) return;
  if (timer.kind == TimerKind::RunDeadline) {
    if (!is_ended(run->run.status.phase)) exceed_deadline(*run);
    return;
  }
  if (timer.kind == TimerKind::Backoff) return backoff_over(*run, timer.subject);
  if (timer.kind == TimerKind::Suspend) {
    const auto found = run->waiting.find(timer.subject);
    if (found != run->waiting.end() && found->second->suspended) end_suspend(*found->second, "");
    return;
  }
  Call* call = call_of_pod(timer.subject);
  if (call == nullptr) return;
  switch (timer.kind) {
    case TimerKind::PodDeadline:
      kill_pod(*call, "Pod was active on the node longer than the specified deadline");
      break;
    case TimerKind::PodTimeout:
      kill_pod(*call, call->node->phase == Phase::Pending
                          ? "timeout"
                          : "Pod was active on the node longer than the specified deadline");
      break;
    case TimerKind::PodPending:
      if (call->node->phase == Phase::Pending) kill_pod(*call, "timeout");
      break;
    case TimerKind::AttemptDeadline:
      end_attempt(*call);
      break;
    case TimerKind::PodKill:
      durable_effect(SignalPod{timer.subject, SIGKILL, true});
      break;
    case TimerKind::RunDeadline:
    case TimerKind::Backoff:
    case TimerKind::Suspend:
      break;
  }
}

// ---- the public face ----

Engine::Engine(Settings settings) : impl_(std::make_unique<Impl>(settings)) {}
Engine::~Engine() = default;

Output Engine::submit(RunInfo info, workflow::PlanPtr plan, Time now) {
  return submit(std::move(info), std::move(plan), {}, now);
}

Output Engine::submit(RunInfo info, workflow::PlanPtr plan, std::vector<Node> carried, Time now) {
  impl_->begin(now);
  Live& live = impl_->add_run(std::move(info), std::move(plan));
  live.created = true;
  live.restored = !carried.empty();
  impl_->take_nodes(live, std::move(carried));
  for (Node& node : live.run.nodes) impl_->mark(live, node);
  live.run.status.phase = RunPhase::Running;
  live.run.status.started = now;
  live.run.status.suspended = live.run.plan->suspend;
  impl_->mark_status(live);
  impl_->start_run(live);
  if (auto shutdown = shutdown_from(live.run.plan->shutdown).value_or(Shutdown::None);
      shutdown != Shutdown::None && !is_ended(live.run.status.phase)) {
    impl_->shut_down(live, shutdown);
  }
  return impl_->finish();
}

/// Begins a run that has nodes already.
void Engine::Impl::take_up(Live& live) {
  taking_up_ = true;
  start_run(live);
  pump();
  taking_up_ = false;
  while (!halted_.empty()) {
    Call& graph = *halted_.back();
    halted_.pop_back();
    finish_graph_when_idle(graph);
  }
}

Output Engine::restore(RunInfo info, workflow::PlanPtr plan, RunStatus status, std::vector<Node> nodes, Time now) {
  impl_->begin(now);
  Live& live = impl_->add_run(std::move(info), std::move(plan));
  live.run.status = std::move(status);
  live.restored = true;
  impl_->restoring_ = true;
  impl_->take_nodes(live, std::move(nodes));
  Shutdown shutdown = live.run.status.shutdown;
  impl_->take_up(live);
  if (shutdown != Shutdown::None && !is_ended(live.run.status.phase)) impl_->shut_down(live, shutdown);
  return impl_->finish();
}

Output Engine::retry(RunInfo info, workflow::PlanPtr plan, RetriedRun retried, Time now) {
  impl_->begin(now);
  std::unordered_set<std::string> pods;
  impl_->leave_behind(info.uid, pods);
  Live& live = impl_->add_run(std::move(info), std::move(plan));
  live.run.status = std::move(retried.status);
  live.restored = live.respecified = true;
  for (const std::string& pod : pods) impl_->pods_[pod] = {&live, nullptr, nullptr};
  live.pods = std::move(pods);
  impl_->take_nodes(live, std::move(retried.nodes));
  for (const std::string& id : retried.changed) impl_->mark(live, *live.by_id.find(id));
  for (const Node& node : retried.deleted) live.deleted_nodes.push_back(node.id);
  impl_->mark_status(live);
  impl_->take_up(live);
  return impl_->finish();
}

Output Engine::restored(Time now) {
  impl_->begin(now);
  impl_->restoring_ = false;
  impl_->locks_released_ = true;
  return impl_->finish();
}

void Engine::remember(Memo memo) { impl_->remember(std::move(memo)); }

Output Engine::pod_prepared(const std::string&, Time now) {
  // Nothing waits for it: start() was asked for when the pod was handed over. The event is there for watchers.
  impl_->begin(now);
  return impl_->finish();
}

Output Engine::pod_started(const std::string& pod, Time at, Time now) {
  impl_->begin(now);
  if (Call* call = impl_->call_of_pod(pod)) impl_->pod_started(*call, at);
  return impl_->finish();
}

Output Engine::pod_container(const std::string& pod, const std::string& container,
                             const runtime::ContainerChange& change, Time now) {
  impl_->begin(now);
  if (Call* call = impl_->call_of_pod(pod)) impl_->pod_container(*call, container, change);
  return impl_->finish();
}

Output Engine::pod_ready(const std::string& pod, const std::string& address, Time now) {
  impl_->begin(now);
  if (Call* call = impl_->call_of_pod(pod)) impl_->pod_ready(*call, address);
  return impl_->finish();
}

Output Engine::pod_exited(const std::string& pod, const runtime::PodExit& exit, Time now) {
  impl_->begin(now);
  if (Call* call = impl_->call_of_pod(pod)) impl_->pod_exited(*call, exit);
  return impl_->finish();
}

Output Engine::pod_failed(const std::string& pod, const Error& error, Time now) {
  impl_->begin(now);
  if (Call* call = impl_->call_of_pod(pod)) impl_->pod_failed(*call, error, false);
  return impl_->finish();
}

Output Engine::pod_lost(const std::string& pod, const Error& error, Time now) {
  impl_->begin(now);
  if (Call* call = impl_->call_of_pod(pod)) impl_->pod_failed(*call, error, true);
  return impl_->finish();
}

Output Engine::pod_removed(const std::string& pod, Time now) {
  impl_->begin(now);
  impl_->pod_removed(pod);
  return impl_->finish();
}

Output Engine::pod_progress(const std::string& pod, const std::string& what, Time now) {
  impl_->begin(now);
  if (Call* call = impl_->call_of_pod(pod); call != nullptr && call->node->phase == Phase::Pending) {
    call->node->message = what;
    impl_->mark(*call->live, *call->node);
  }
  return impl_->finish();
}

Output Engine::pod_output(const std::string& pod, const std::string& output, const std::string& content, Time now) {
  impl_->begin(now);
  if (Call* call = impl_->call_of_pod(pod)) impl_->pod_output(*call, output, content);
  return impl_->finish();
}

Output Engine::request_ended(const std::string& id, const Result<HttpAnswer>& answer, Time now) {
  impl_->begin(now);
  impl_->request_ended(id, answer);
  return impl_->finish();
}

Output Engine::artifacts_listed(const std::string& id, const Result<std::vector<std::string>>& keys, Time now) {
  impl_->begin(now);
  impl_->artifacts_listed(id, keys);
  return impl_->finish();
}

void Engine::clock_was_set(Duration by) { impl_->clock_was_set(by); }

Output Engine::timer_due(std::uint64_t token, Time now) {
  impl_->begin(now);
  impl_->timer_due(token);
  return impl_->finish();
}

Result<Output> Engine::shut_down(const std::string& uid, Shutdown how, Time now) {
  impl_->begin(now);
  Live* live = impl_->live(uid);
  if (live == nullptr || live->forgotten) return fail(Code::NotFound, "workflow not found");
  if (is_ended(live->run.status.phase)) {
    return fail(Code::FailedPrecondition, "cannot shutdown a completed workflow: workflow: \"" +
                                              live->run.info.name + "\", namespace: \"" +
                                              live->run.info.name_space + "\"");
  }
  impl_->shut_down(*live, how);
  return impl_->finish();
}

Output Engine::forget(const std::string& uid, Time now) {
  impl_->begin(now);
  if (Live* live = impl_->live(uid); live != nullptr && !live->forgotten) {
    for (auto* root : {&live->root, &live->exit}) {
      if (*root) impl_->abandon(**root);
      impl_->graveyard_.push_back(std::move(*root));
    }
    for (HookCall& hook : live->hooks) {
      if (hook.call) impl_->abandon(*hook.call);
      impl_->graveyard_.push_back(std::move(hook.call));
    }
    for (auto& daemon : std::exchange(live->daemons, {})) {
      impl_->abandon(*daemon);
      impl_->graveyard_.push_back(std::move(daemon));
    }
    impl_->locks_.release(live);
    impl_->locks_released_ = true;
    live->waiting.clear();
    live->paused.clear();
    live->forgotten = true;
    live->remove_claims = true;
    live->held.clear();
    impl_->by_name_.erase({live->run.info.name_space, live->run.info.name});
    for (const std::string& pod : live->pods) {
      impl_->pods_[pod].call = nullptr;
      impl_->durable_effect(RemovePod{pod});
    }
    if (live->pods.empty()) {
      impl_->durable_effect(RemoveClaims{uid});
      impl_->erase_run(uid);
    }
  }
  return impl_->finish();
}

const Host& Engine::host() const { return impl_->settings_.host; }

const Run* Engine::find(const std::string& name_space, const std::string& name) const {
  auto it = impl_->by_name_.find({name_space, name});
  return it == impl_->by_name_.end() ? nullptr : &it->second->run;
}

const Run* Engine::find_uid(const std::string& uid) const {
  Live* live = impl_->live(uid);
  return live == nullptr || live->forgotten ? nullptr : &live->run;
}

void Engine::for_each(const std::function<void(const Run&)>& visit) const {
  for (const auto& [uid, live] : impl_->runs_) {
    if (!live->forgotten) visit(live->run);
  }
}

bool Engine::drop(const std::string& uid) {
  Live* live = impl_->live(uid);
  if (live == nullptr) return true;
  if (!is_ended(live->run.status.phase) || !live->pods.empty()) return false;
  impl_->erase_run(uid);
  return true;
}

std::optional<Engine::Owner> Engine::owner_of(const std::string& pod) const {
  auto it = impl_->pods_.find(pod);
  if (it == impl_->pods_.end()) return std::nullopt;
  return Owner{&it->second.live->run, it->second.node};
}

}  // namespace gantry::engine
