#include "api/body.h"
#include "api/handlers/handlers.h"
#include "api/selector.h"
#include "api/submit_options.h"

namespace gantry::api {
namespace {

tl::unexpected<Error> pass(Error error) { return tl::unexpected<Error>(std::move(error)); }

/// The options that travel in the query beside a YAML body, under the names of Argo's submit
/// message.
Result<void> read_options(const Query& query, CreateRequest& out) {
  constexpr std::string_view kPrefix = "submitOptions.";
  for (const auto& [key, value] : query.pairs()) {
    if (key == "createOptions.dryRun") {
      if (value != "All") {
        return fail(Code::InvalidArgument,
                    "createOptions.dryRun: \"" + value + "\" is not \"All\"");
      }
      out.dry_run = true;
    } else if (key.starts_with(kPrefix)) {
      auto set = set_submit_option(std::string_view(key).substr(kPrefix.size()), value, out);
      if (!set) return set;
    }
  }
  return {};
}

Result<CreateRequest> read_create(Request& request) {
  CreateRequest out;
  out.caller = request.caller;
  out.name_space = request.name_space();
  auto strict = request.query.boolean("strict");
  if (!strict) return pass(std::move(strict.error()));
  out.strict = *strict;
  auto dry_run = request.query.boolean("serverDryRun");
  if (!dry_run) return pass(std::move(dry_run.error()));
  out.dry_run = *dry_run;
  out.file = request.query.text("file");
  if (auto ok = read_options(request.query, out); !ok) return pass(std::move(ok.error()));
  out.yaml = is_yaml(request.content_type);
  if (out.yaml) {
    if (request.body.empty())
      return fail(Code::InvalidArgument, "the body is empty; wanted a YAML file");
    out.document = std::move(request.body);
    return out;
  }
  auto body = parse_create_body(request.body, "workflow");
  if (!body) return pass(std::move(body.error()));
  if (out.name_space.empty()) {
    if (!body->name_space.empty() && !is_dns_label(body->name_space)) {
      return fail(Code::InvalidArgument, "\"" + body->name_space + "\" is not a namespace");
    }
    out.name_space = std::move(body->name_space);
  }
  out.document = std::move(body->object);
  out.dry_run = out.dry_run || body->dry_run;
  return out;
}

/// The kind as Argo's submit takes it: kind, singular, plural or short name, in exactly that case.
Result<ResourceKind> parse_kind(const std::string& text) {
  struct Names {
    ResourceKind kind;
    std::string_view names[4];
  };
  static constexpr Names kKinds[] = {
      {ResourceKind::WorkflowTemplate,
       {"WorkflowTemplate", "workflowtemplate", "workflowtemplates", "wftmpl"}},
      {ResourceKind::ClusterWorkflowTemplate,
       {"ClusterWorkflowTemplate", "clusterworkflowtemplate", "clusterworkflowtemplates",
        "cwftmpl"}},
      {ResourceKind::CronWorkflow, {"CronWorkflow", "cronworkflow", "cronworkflows", "cronwf"}},
  };
  for (const Names& kind : kKinds) {
    for (std::string_view name : kind.names) {
      if (name == text) return kind.kind;
    }
  }
  return fail(Code::InvalidArgument,
              "Resource kind '" + text + "' is not supported for submitting");
}

Result<SubmitRequest> read_submit(const Request& request) {
  auto body = parse_object(request.body);
  if (!body) return pass(std::move(body.error()));
  SubmitRequest out;
  out.options.caller = request.caller;
  auto text = [&](const char* field) {
    auto value = body->find(field);
    return value != body->end() && value->is_string() ? value->get<std::string>() : std::string();
  };
  auto kind = parse_kind(text("resourceKind"));
  if (!kind) return pass(std::move(kind.error()));
  out.kind = *kind;
  out.name = text("resourceName");
  if (!is_dns_subdomain(out.name)) {
    return fail(Code::InvalidArgument, out.name.empty()
                                           ? "resourceName is not specified"
                                           : "resourceName: \"" + out.name + "\" is not a name");
  }
  out.options.name_space = request.name_space().empty() ? text("namespace") : request.name_space();
  if (!out.options.name_space.empty() && !is_dns_label(out.options.name_space)) {
    return fail(Code::InvalidArgument, "\"" + out.options.name_space + "\" is not a namespace");
  }
  if (auto options = body->find("submitOptions"); options != body->end()) {
    auto read = read_submit_options(*options, out.options);
    if (!read) return pass(std::move(read.error()));
  }
  return out;
}

}  // namespace

void create_workflow(Backend& backend, Request& request, AnswerPtr answer) {
  auto create = read_create(request);
  if (!create) return answer->fail(std::move(create.error()));
  bool yaml = create->yaml;
  backend.create(std::move(*create), reply_with_documents(std::move(answer), yaml));
}

void lint_workflow(Backend& backend, Request& request, AnswerPtr answer) {
  auto create = read_create(request);
  if (!create) return answer->fail(std::move(create.error()));
  bool yaml = create->yaml;
  backend.lint(std::move(*create), reply_with_documents(std::move(answer), yaml));
}

void submit_workflow(Backend& backend, Request& request, AnswerPtr answer) {
  auto submit = read_submit(request);
  if (!submit) return answer->fail(std::move(submit.error()));
  backend.submit(std::move(*submit), reply_with_object(std::move(answer)));
}

}  // namespace gantry::api
