// Daemon steps: a step that is over for those that wait for it as soon as its pod is ready, while the pod goes on until
// the graph that it belongs to ends (argo-workflows workflow/controller/operator.go, killDaemonedChildren).

#include <algorithm>
#include <csignal>

#include "daemon/engine/impl.h"

namespace gantry::engine {

void Engine::Impl::become_daemon(Call& call) {
  Live& live = *call.live;
  call.node->daemoned = true;
  mark(live, *call.node);
  Call& outer = call.is_attempt() ? *call.parent : call;
  if (&outer != &call) {
    outer.node->daemoned = true;
    outer.node->ip = call.node->ip;
    mark(live, *outer.node);
  }
  if (outer.role != Call::Role::Task) {
    // Nothing runs beside it, so there is nobody whom it could serve.
    call.pod->daemon_over = true;
    return kill_pod(call, "");
  }
  if (outer.daemon) return;  // a further attempt of one whose task is over
  outer.daemon = true;
  member_call_ended(*outer.parent, outer.task, outer.member);
}

/// The pod of a daemon ended before its graph did. True when that was all there is to do.
bool Engine::Impl::daemon_exited(Call& call, Phase phase, const std::string& message) {
  Call& outer = call.is_attempt() ? *call.parent : call;
  if (!outer.daemon) return false;
  // It was to serve until the end, so any end of its own is a failure.
  Node& node = *call.node;
  node.phase = phase == Phase::Succeeded ? Phase::Failed : phase;
  node.message = message;
  node.finished = now_;
  node.daemoned = false;
  mark(*call.live, node);
  if (&outer != &call) {
    attempt_ended(outer, call);
    if (!workflow::is_fulfilled(outer.node->phase)) return true;
    outer.node->daemoned = false;
  }
  GraphCall& graph = *outer.parent->graph;
  TaskRecord& record = graph.tasks[outer.task];
  if (record.done && workflow::is_failed_or_error(outer.node->phase)) record.branch = outer.node->phase;
  return true;
}

void Engine::Impl::end_daemons(Call& call) {
  for (auto& daemon : std::exchange(call.graph->daemons, {})) end_daemon(daemon);
}

void Engine::Impl::end_daemon(std::unique_ptr<Call>& call) {
  Live& live = *call->live;
  const auto succeed = [&](Node& node) {
    node.daemoned = false;
    if (!workflow::is_fulfilled(node.phase)) {
      node.phase = Phase::Succeeded;
      node.message.clear();
      node.finished = now_;
    }
    mark(live, node);
  };
  Call& pod = call->retry && call->retry->attempt ? *call->retry->attempt : *call;
  const bool runs = pod.pod && pod.pod->state != PodState::Over;
  if (runs) succeed(*pod.node);
  succeed(*call->node);
  live.waiting.erase(call->node->id);
  locks_.release(call.get());
  locks_released_ = true;
  if (!runs) return bury(call);
  pod.pod->daemon_over = true;
  live.daemons.push_back(std::move(call));
  kill_pod(pod, "");
}

}  // namespace gantry::engine
