// Templates whose work is an HTTP request (argo-workflows workflow/executor/agent.go executeHTTPTemplate). Like Argo's
// agent, a daemon that starts again makes the requests again whose answers it does not know.

#include "daemon/engine/impl.h"

namespace gantry::engine {

namespace expr = workflow::expr;

namespace {

expr::Value map_of(const std::map<std::string, expr::Value>& fields) {
  expr::Map map;
  for (const auto& [name, value] : fields) map.emplace_back(expr::Value::text(name), value);
  return expr::Value::map(std::move(map));
}

/// Go's http.Header: each name has a list of values.
expr::Value header(const std::string& value) { return expr::Value::array({expr::Value::text(value)}); }

/// As Go writes a header's name: Content-Type.
std::string canonical(std::string name) {
  bool first = true;
  for (char& c : name) {
    if (first) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    first = c == '-';
  }
  return name;
}

/// What a successCondition knows: request and response.
class Answered final : public expr::Names {
 public:
  Answered(const SendRequest& request, const Engine::HttpAnswer& answer) {
    std::map<std::string, expr::Value> sent, received;
    for (const auto& one : request.headers) sent[canonical(one.name)] = header(one.value);
    for (const auto& [name, value] : answer.headers) received[canonical(name)] = header(value);
    request_ = map_of({{"method", expr::Value::text(request.method)},
                       {"url", expr::Value::text(request.url)},
                       {"body", expr::Value::text(request.body)},
                       {"headers", map_of(sent)}});
    response_ = map_of({{"statusCode", expr::Value::integer(answer.status)},
                        {"body", expr::Value::text(answer.body)},
                        {"headers", map_of(received)}});
  }

  [[nodiscard]] std::optional<expr::Value> find(std::string_view name) const override {
    if (name == "request") return request_;
    if (name == "response") return response_;
    return std::nullopt;
  }
  [[nodiscard]] bool has_below(std::string_view) const override { return false; }

 private:
  expr::Value request_, response_;
};

}  // namespace

/// The request with the values of the call.
static Result<SendRequest> build_request(const Call& call, const CallScope& scope) {
  const workflow::HttpRequest& from = call.live->run.plan->requests[call.tmpl->body];
  SendRequest to;
  to.id = call.live->run.info.uid + "/" + call.node->id;
  to.name_space = call.live->run.info.name_space;
  for (const auto& [text, field] : {std::pair(&from.method, &to.method), {&from.url, &to.url}, {&from.body, &to.body}}) {
    auto value = render(*text, scope);
    if (!value) return fail(std::move(value.error()));
    *field = std::move(*value);
  }
  for (const auto& header : from.headers) {
    SendRequest::Header& out = to.headers.emplace_back();
    std::vector<std::pair<const workflow::Text*, std::string*>> texts = {{&header.name, &out.name}, {&header.value, &out.value}};
    if (header.key_ref) {
      texts.insert(texts.end(), {{&header.key_ref->name, &out.secret}, {&header.key_ref->key, &out.key}});
      out.optional = header.key_ref->optional;
    }
    for (const auto& [text, field] : texts) {
      auto value = render(*text, scope);
      if (!value) return fail(std::move(value.error()));
      *field = std::move(*value);
    }
  }
  if (from.timeout_seconds) to.timeout = std::chrono::seconds(*from.timeout_seconds);
  to.insecure_skip_verify = from.insecure_skip_verify;
  return to;
}

void Engine::Impl::open_http(Call& call) {
  auto request = build_request(call, CallScope(*call.live, call, now_));
  if (!request) return end_call(call, Phase::Error, request.error().message);
  await_answer(call, request->id);
  durable_effect(std::move(*request));
  node_changed(call);
}

void Engine::Impl::request_ended(const std::string& id, const Result<HttpAnswer>& answer) {
  Call* found = answered(id);
  if (found == nullptr) return;
  Call& call = *found;
  if (!answer) return end_call(call, Phase::Error, answer.error().message);
  call.node->outputs.edit().result = answer->body;
  const CallScope scope(*call.live, call, now_);
  auto condition = render(call.live->run.plan->requests[call.tmpl->body].success_condition, scope);
  if (!condition) return end_call(call, Phase::Error, condition.error().message);
  if (condition->empty()) {
    const bool good = answer->status >= 200 && answer->status < 300;
    return end_call(call, good ? Phase::Succeeded : Phase::Failed,
                    good ? "" : "received non-2xx response code: " + std::to_string(answer->status));
  }
  auto expression = expr::Expression::parse(*condition);
  if (!expression) return end_call(call, Phase::Error, expression.error().message);
  auto request = build_request(call, scope);
  if (!request) return end_call(call, Phase::Error, request.error().message);
  auto good = expression->evaluate_bool(Answered(*request, *answer), scope.facts());
  if (!good) return end_call(call, Phase::Error, good.error().message);
  end_call(call, *good ? Phase::Succeeded : Phase::Failed,
           *good ? "" : "successCondition '" + *condition + "' evaluated false");
}

}  // namespace gantry::engine
