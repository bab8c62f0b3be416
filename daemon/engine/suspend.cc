// Suspend nodes, and suspended runs.

#include <algorithm>

#include "daemon/engine/impl.h"
#include "workflow/quantity.h"

namespace gantry::engine {

void Engine::Impl::open_suspend(Call& call) {
  Live& live = *call.live;
  call.node->phase = Phase::Running;
  mark(live, *call.node);
  if (call.tmpl->suspend_duration) {
    auto text = render(*call.tmpl->suspend_duration, CallScope(live, call, now_));
    if (!text) return end_call(call, Phase::Error, text.error().message);
    auto duration = workflow::parse_duration_or_seconds(*text);
    if (!duration) return end_call(call, Phase::Error, duration.error().message);
    set_timer(call.node->started.value_or(now_) + *duration, TimerKind::Suspend, live.run.info.uid, call.node->id);
  }
  call.suspended = true;
  live.waiting[call.node->id] = &call;
  node_changed(call);
}

/// The default of the input of that name, which a user was shown to change (argo-workflows workflow/controller
/// addRawOutputFields).
static const workflow::Text* default_of_input(const workflow::Template& tmpl, const std::string& name) {
  for (const workflow::InputParameter& input : tmpl.inputs) {
    if (input.name == name && input.default_value) return &*input.default_value;
  }
  return nullptr;
}

/// It goes on: outputs that nobody has supplied get their defaults.
void Engine::Impl::end_suspend(Call& call, const std::string& message) {
  Live& live = *call.live;
  live.waiting.erase(call.node->id);
  call.suspended = false;
  auto& parameters = call.node->outputs.edit().parameters;
  const CallScope scope(live, call, now_);
  for (const auto& declared : call.tmpl->outputs) {
    const bool given =
        std::any_of(parameters.begin(), parameters.end(), [&](const Parameter& p) { return p.name == declared.name; });
    if (given) continue;
    const workflow::Text* source = declared.value ? &*declared.value
                                   : declared.default_value ? &*declared.default_value : default_of_input(*call.tmpl, declared.name);
    if (source == nullptr) {
      return end_call(call, Phase::Failed, "raw output parameter '" + declared.name +
                                               "' has not been set and does not have a default value");
    }
    auto value = render(*source, scope);
    if (!value) return end_call(call, Phase::Error, value.error().message);
    parameters.push_back({declared.name, std::move(*value)});
  }
  end_call(call, Phase::Succeeded, message.empty() ? call.node->message : message);
}

void Engine::Impl::suspend(Live& live) {
  if (std::exchange(live.run.status.suspended, true)) return;
  mark_status(live);
}

void Engine::Impl::resume(Live& live) {
  if (!std::exchange(live.run.status.suspended, false)) return;
  mark_status(live);
  if (!live.begun) return start_run(live);
  for (const auto& [graph, task] : std::exchange(live.paused, {})) begin_task(*graph, task);
  std::vector<std::string> attempts;
  for (const auto& [id, call] : live.waiting) {
    if (call->retry && call->retry->paused) attempts.push_back(id);
  }
  std::sort(attempts.begin(), attempts.end());
  for (const std::string& id : attempts) backoff_over(live, id);
}

// ---- the public face ----

static Error no_such_run() { return {Code::NotFound, "workflow not found"}; }

Result<Output> Engine::suspend(const std::string& uid, Time now) {
  impl_->begin(now);
  Live* live = impl_->live(uid);
  if (live == nullptr || live->forgotten) return fail(no_such_run());
  if (is_ended(live->run.status.phase)) {
    return fail(Code::FailedPrecondition, "cannot suspend completed workflows");
  }
  impl_->suspend(*live);
  return impl_->finish();
}

static std::vector<Call*> suspended_nodes(Live& live, const Engine::Wanted& wanted) {
  std::vector<Call*> calls;
  for (const Node& node : live.run.nodes) {
    auto found = live.waiting.find(node.id);
    if (found == live.waiting.end() || !found->second->suspended) continue;
    if (!wanted || wanted(live.run, node)) calls.push_back(found->second);
  }
  return calls;
}

Result<Output> Engine::resume(const std::string& uid, const Wanted& wanted, const std::string& message, Time now) {
  impl_->begin(now);
  Live* live = impl_->live(uid);
  if (live == nullptr || live->forgotten) return fail(no_such_run());
  const auto calls = suspended_nodes(*live, wanted);
  if (wanted && calls.empty()) return fail(Code::FailedPrecondition, "currently, set only targets suspend nodes: no suspend nodes matching nodeFieldSelector");
  for (Call* call : calls) impl_->end_suspend(*call, message);
  if (!wanted) impl_->resume(*live);
  return impl_->finish();
}

Result<Output> Engine::fail_suspended(const std::string& uid, const Wanted& wanted, const std::string& message,
                                      Time now) {
  NodeChange change;
  change.message = message;
  change.phase = Phase::Failed;
  return set_nodes(uid, wanted, change, now);
}

Result<Output> Engine::set_nodes(const std::string& uid, const Wanted& wanted, const NodeChange& change, Time now) {
  impl_->begin(now);
  Live* live = impl_->live(uid);
  if (live == nullptr || live->forgotten) return fail(no_such_run());
  const auto calls = suspended_nodes(*live, wanted);
  if (calls.empty()) return fail(Code::FailedPrecondition, "currently, set only targets suspend nodes: no suspend nodes matching nodeFieldSelector");
  for (Call* call : calls) {
    for (const Parameter& given : change.outputs) {
      const auto declared = std::find_if(call->tmpl->outputs.begin(), call->tmpl->outputs.end(),
                                         [&](const auto& output) { return output.name == given.name; });
      if (declared == call->tmpl->outputs.end()) {
        return fail(Code::InvalidArgument, "node is not expecting output parameter '" + given.name + "'");
      }
      for (const Parameter& had : call->node->outputs->parameters) {
        if (had.name == given.name) {
          return fail(Code::InvalidArgument, "output parameter '" + given.name + "' was already set");
        }
      }
    }
  }
  for (Call* call : calls) {
    Node& node = *call->node;
    for (const Parameter& given : change.outputs) node.outputs.edit().parameters.push_back(given);
    if (change.message) node.message = *change.message;
    impl_->mark(*live, node);
    if (!change.phase) continue;
    if (*change.phase == Phase::Succeeded) {
      impl_->end_suspend(*call, "");
    } else {
      live->waiting.erase(node.id);
      call->suspended = false;
      impl_->end_call(*call, *change.phase, node.message);
    }
  }
  return impl_->finish();
}

}  // namespace gantry::engine
