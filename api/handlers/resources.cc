// WorkflowTemplates, ClusterWorkflowTemplates, CronWorkflows and WorkflowEventBindings: the same
// endpoints for each, under its own path. Argo's JSON messages, or a YAML file that may hold
// several objects of the kind; a PUT of a file to the collection changes every object in it.

#include "api/body.h"
#include "api/handlers/handlers.h"
#include "api/selector.h"

namespace gantry::api {
namespace {

struct Family {
  std::string_view path;  ///< below /api/v1/
  ResourceKind kind;
  std::string_view field;  ///< the object's name in a message
};
constexpr Family kFamilies[] = {
    {"workflow-templates", ResourceKind::WorkflowTemplate, "template"},
    {"cluster-workflow-templates", ResourceKind::ClusterWorkflowTemplate, "template"},
    {"cron-workflows", ResourceKind::CronWorkflow, "cronWorkflow"},
    {"workflow-event-bindings", ResourceKind::WorkflowEventBinding, "workflowEventBinding"},
};

const Family& family_of(const Request& request) {
  std::string_view path = request.path;
  path.remove_prefix(std::string_view("/api/v1/").size());
  path = path.substr(0, path.find('/'));
  for (const Family& family : kFamilies) {
    if (family.path == path) return family;
  }
  return kFamilies[0];  // the table of routes names no others
}

tl::unexpected<Error> pass(Error error) { return tl::unexpected<Error>(std::move(error)); }

Result<ResourceRequest> read_resource(Request& request) {
  const Family& family = family_of(request);
  ResourceRequest out;
  out.kind = family.kind;
  out.caller = request.caller;
  out.name_space = request.name_space();
  out.name = request.name();
  out.file = request.query.text("file");
  auto strict = request.query.boolean("strict");
  if (!strict) return pass(std::move(strict.error()));
  out.strict = *strict;
  if (const std::string& mode = request.query.text("createOptions.dryRun"); !mode.empty()) {
    if (mode != "All") {
      return fail(Code::InvalidArgument, "createOptions.dryRun: \"" + mode + "\" is not \"All\"");
    }
    out.dry_run = true;
  }
  out.yaml = is_yaml(request.content_type);
  if (out.yaml) {
    if (request.body.empty()) {
      return fail(Code::InvalidArgument, "the body is empty; wanted a YAML file");
    }
    out.document = std::move(request.body);
    return out;
  }
  auto body = parse_create_body(request.body, family.field);
  if (!body) return pass(std::move(body.error()));
  const bool spaced = family.kind != ResourceKind::ClusterWorkflowTemplate;
  if (spaced && out.name_space.empty()) {
    if (!body->name_space.empty() && !is_dns_label(body->name_space)) {
      return fail(Code::InvalidArgument, "\"" + body->name_space + "\" is not a namespace");
    }
    out.name_space = std::move(body->name_space);
  }
  out.document = std::move(body->object);
  out.dry_run = out.dry_run || body->dry_run;
  return out;
}

using Call = void (Backend::*)(ResourceRequest, Reply<std::vector<Json>>);

void send(Backend& backend, Request& request, AnswerPtr answer, Call call) {
  auto resource = read_resource(request);
  if (!resource) return answer->fail(std::move(resource.error()));
  bool yaml = resource->yaml;
  (backend.*call)(std::move(*resource), reply_with_documents(std::move(answer), yaml));
}

}  // namespace

void create_resource(Backend& backend, Request& request, AnswerPtr answer) {
  send(backend, request, std::move(answer), &Backend::create_resources);
}

void update_resource(Backend& backend, Request& request, AnswerPtr answer) {
  send(backend, request, std::move(answer), &Backend::update_resources);
}

void lint_resource(Backend& backend, Request& request, AnswerPtr answer) {
  send(backend, request, std::move(answer), &Backend::lint_resources);
}

void list_resources(Backend& backend, Request& request, AnswerPtr answer) {
  Fields fields(request.query.text("fields"));
  auto list = read_list(request);
  if (!list) return answer->fail(std::move(list.error()));
  // WorkflowTemplates have a filter of their own in Argo.
  if (const std::string& pattern = request.query.text("namePattern"); !pattern.empty()) {
    list->name_filter = pattern;
    list->name_match = ListQuery::NameMatch::Contains;
  }
  backend.list_resources(family_of(request).kind, std::move(*list),
                         reply_with<ListPage>(std::move(answer), [fields](ListPage page) {
                           return list_json(std::move(page), fields);
                         }));
}

void get_resource(Backend& backend, Request& request, AnswerPtr answer) {
  backend.get_resource(family_of(request).kind, request.name_space(), request.name(),
                       reply_with_object(std::move(answer)));
}

void delete_resource(Backend& backend, Request& request, AnswerPtr answer) {
  backend.remove_resource(family_of(request).kind, request.name_space(), request.name(),
                          reply_with_object(std::move(answer)));
}

void suspend_cron(Backend& backend, Request& request, AnswerPtr answer) {
  backend.suspend_cron(request.name_space(), request.name(), request.path.ends_with("/suspend"),
                       reply_with_object(std::move(answer)));
}

void receive_event(Backend& backend, Request& request, AnswerPtr answer) {
  Event event;
  event.caller = request.caller;
  event.name_space = request.name_space();
  event.discriminator = request.param("discriminator");
  event.metadata = std::move(request.x_headers);
  if (request.body.find_first_not_of(" \t\r\n") != std::string::npos) {
    event.payload = Json::parse(request.body, nullptr, false);
    if (event.payload.is_discarded()) {
      return answer->fail(Error{Code::InvalidArgument, "the body is not valid JSON"});
    }
  }
  backend.dispatch_event(std::move(event), reply_with_object(std::move(answer)));
}

}  // namespace gantry::api
