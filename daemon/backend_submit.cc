// `submit --from`: a workflow of a template or of a CronWorkflow.

#include <utility>

#include "daemon/backend.h"
#include "daemon/submission.h"

namespace gantry {

using api::Json;
using api::ResourceKind;

void DaemonBackend::submit(api::SubmitRequest request, api::Reply<Json> reply) {
  api::CreateRequest& create_request = request.options;
  const bool spaced = request.kind != ResourceKind::ClusterWorkflowTemplate;
  const Resource* resource =
      daemon_.resources().find(request.kind, spaced ? create_request.name_space : "", request.name);
  if (resource == nullptr) return reply(fail(resource_not_found(request.kind, request.name)));
  if (request.kind == ResourceKind::CronWorkflow) {
    auto document = cron_document(*resource, "", daemon_.now());
    if (!document) return reply(fail(std::move(document.error())));
    create_request.document = std::move(*document);
  } else {
    create_request.document = template_document(request.kind, request.name);
  }
  create(std::move(create_request), [reply = std::move(reply)](Result<std::vector<Json>> created) {
    if (!created) return reply(fail(std::move(created.error())));
    reply(created->empty() ? Json::object() : std::move(created->front()));
  });
}

}  // namespace gantry
