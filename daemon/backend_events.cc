// Events: what WorkflowEventBindings make workflows of.

#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "daemon/backend.h"
#include "daemon/event_binding.h"
#include "daemon/submission.h"

namespace gantry {

using api::Json;
using api::ResourceKind;

namespace {

/// The answer to one event: counts what is still open, and gathers what went wrong.
struct Dispatch {
  api::Event event;
  std::vector<Resource> bindings;
  std::vector<Result<std::optional<Triggered>>> results;
  api::Reply<Json> reply;
  std::size_t open = 0;
  std::string errors;

  void finish_one(const Error* error) {
    if (error != nullptr) errors += (errors.empty() ? "" : " ") + error->message;
    if (--open > 0) return;
    if (errors.empty()) return reply(Json::object());
    reply(fail(Code::Internal, "failed to dispatch event: [" + errors + "]"));
  }
};

}  // namespace

void DaemonBackend::dispatch_event(api::Event event, api::Reply<Json> reply) {
  if (daemon_.stopping()) return reply(fail(Code::Unavailable, "gantryd is stopping"));
  auto dispatch = std::make_shared<Dispatch>();
  for (const Resource* binding :
       daemon_.resources().list(ResourceKind::WorkflowEventBinding, event.name_space)) {
    dispatch->bindings.push_back(*binding);
  }
  dispatch->event = std::move(event);
  dispatch->reply = std::move(reply);
  daemon_.executor().offload(
      [dispatch] {
        for (const Resource& binding : dispatch->bindings) {
          dispatch->event.name_space = binding.name_space;
          dispatch->results.push_back(evaluate_binding(binding, dispatch->event));
        }
      },
      [this, dispatch] {
        dispatch->open = dispatch->results.size() + 1;
        for (std::size_t i = 0; i < dispatch->results.size(); ++i) {
          auto& result = dispatch->results[i];
          if (!result) {
            dispatch->finish_one(&result.error());
          } else if (!*result) {
            dispatch->finish_one(nullptr);
          } else {
            trigger(dispatch->bindings[i].name_space, **result, dispatch->event.caller,
                    [dispatch](const Error* error) { dispatch->finish_one(error); });
          }
        }
        dispatch->finish_one(nullptr);
      });
}

void DaemonBackend::trigger(const std::string& name_space, const Triggered& triggered,
                            const api::Caller& caller, std::function<void(const Error*)> done) {
  const bool spaced = triggered.kind != ResourceKind::ClusterWorkflowTemplate;
  const Resource* resource =
      daemon_.resources().find(triggered.kind, spaced ? name_space : "", triggered.template_name);
  if (resource == nullptr) {
    Error error = resource_not_found(triggered.kind, triggered.template_name)
                      .wrap("failed to get workflow template");
    return done(&error);
  }
  api::CreateRequest request{.name_space = name_space,
                             .document = template_document(triggered.kind, triggered.template_name),
                             .parameters = triggered.parameters,
                             .name = triggered.name,
                             .generate_name = triggered.generate_name,
                             .caller = caller};
  auto labels = triggered.labels;
  auto annotations = triggered.annotations;
  add_workflow_metadata(*resource, labels, annotations);
  request.labels.assign(labels.begin(), labels.end());
  request.annotations.assign(annotations.begin(), annotations.end());
  create(std::move(request), [done = std::move(done)](Result<std::vector<Json>> created) {
    if (created) return done(nullptr);
    Error error = std::move(created.error()).wrap("failed to create workflow");
    done(&error);
  });
}

}  // namespace gantry
