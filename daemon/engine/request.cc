// What the daemon is asked to do for a call besides running pods: HTTP requests (http.cc), lists of keys. Like Argo's
// agent, a daemon that starts again asks again where it does not know the answer.

#include "daemon/engine/impl.h"

namespace gantry::engine {

namespace expr = workflow::expr;

void Engine::Impl::await_answer(Call& call, const std::string& id) {
  call.request = std::make_unique<RequestCall>(RequestCall{id});
  requests_[id] = &call;
  call.node->phase = Phase::Running;
  mark(*call.live, *call.node);
}

/// The call that waited for it; null when nobody does any more.
Call* Engine::Impl::answered(const std::string& id) {
  const auto found = requests_.find(id);
  if (found == requests_.end()) return nullptr;
  Call* call = found->second;
  requests_.erase(found);
  call->request.reset();
  return call;
}

void Engine::Impl::cancel_request(Call& call) {
  requests_.erase(call.request->id);
  durable_effect(CancelRequest{call.request->id});
  call.request.reset();
}

// ---- data templates (argo-workflows workflow/data/data.go) ----

void Engine::Impl::open_data(Call& call) {
  const workflow::Plan& plan = *call.live->run.plan;
  const CallScope scope(*call.live, call, now_);
  auto location =
      plan.queries[call.tmpl->body].location.render([&](const workflow::Text& text) { return render(text, scope); });
  if (!location) return end_call(call, Phase::Error, location.error().message);
  const std::string id = call.live->run.info.uid + "/" + call.node->id;
  await_answer(call, id);
  durable_effect(ListArtifacts{id, call.live->run.info.name_space, plan.artifact_repository, std::move(*location)});
  node_changed(call);
}

namespace {

/// What a transformation knows: `data`.
class Data final : public expr::Names {
 public:
  explicit Data(const expr::Value& data) : data_(data) {}
  [[nodiscard]] std::optional<expr::Value> find(std::string_view name) const override {
    return name == "data" ? std::optional(data_) : std::nullopt;
  }
  [[nodiscard]] bool has_below(std::string_view) const override { return false; }

 private:
  const expr::Value& data_;
};

}  // namespace

void Engine::Impl::artifacts_listed(const std::string& id, const Result<std::vector<std::string>>& keys) {
  Call* found = answered(id);
  if (found == nullptr) return;
  Call& call = *found;
  const auto error = [&](const std::string& what, const Error& why) {
    end_call(call, Phase::Error, "unable to process data " + what + ": " + why.message);
  };
  if (!keys) return error("source: unable to source artifact paths", keys.error());
  expr::Array list;
  for (const std::string& key : *keys) list.push_back(expr::Value::text(key));
  expr::Value data = expr::Value::array(std::move(list));
  const CallScope scope(*call.live, call, now_);
  const auto& steps = call.live->run.plan->queries[call.tmpl->body].transformation;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const std::string where = "transformation: error processing data step " + std::to_string(i);
    auto expression = expression_of(steps[i], scope);
    if (!expression) return error(where, expression.error());
    auto next = expression->evaluate(Data(data), scope.facts());
    if (!next) return error(where, next.error());
    data = std::move(*next);
  }
  auto text = expr::to_text(data);
  if (!text) return error("transformation", text.error());
  call.node->outputs.edit().result = std::move(*text);
  call.node->outputs.edit().exit_code = "0";
  end_call(call, Phase::Succeeded, "");
}

}  // namespace gantry::engine
