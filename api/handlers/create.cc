#include <charconv>

#include "api/body.h"
#include "api/handlers/handlers.h"
#include "api/selector.h"

namespace gantry::api {
namespace {

bool is_yaml(const Request& request) {
  return request.content_type == "application/yaml" ||
         request.content_type == "application/x-yaml" || request.content_type == "text/yaml" ||
         request.content_type == "text/x-yaml";
}

tl::unexpected<Error> pass(Error error) { return tl::unexpected<Error>(std::move(error)); }

/// `NAME=VALUE` of submitOptions.parameters; the words of argo-workflows workflow/util
/// ApplySubmitOpts.
Result<std::pair<std::string, std::string>> parse_parameter(const std::string& text) {
  std::size_t equals = text.find('=');
  if (equals == std::string::npos) {
    return fail(Code::InvalidArgument,
                "expected parameter of the form: NAME=VALUE. Received: " + text);
  }
  return std::pair(text.substr(0, equals), text.substr(equals + 1));
}

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
      continue;
    }
    if (!key.starts_with(kPrefix)) continue;
    std::string_view option = std::string_view(key).substr(kPrefix.size());
    if (option == "parameters") {
      auto parameter = parse_parameter(value);
      if (!parameter) return pass(std::move(parameter.error()));
      out.parameters.push_back(std::move(*parameter));
    } else if (option == "name") {
      out.name = value;
    } else if (option == "generateName") {
      out.generate_name = value;
    } else if (option == "entryPoint") {
      out.entrypoint = value;
    } else if (option == "labels") {
      auto labels = parse_labels(value);
      if (!labels) return pass(std::move(labels.error()).wrap(key));
      out.labels.insert(out.labels.end(), labels->begin(), labels->end());
    } else if (option == "priority") {
      int priority = 0;
      auto [rest, error] = std::from_chars(value.data(), value.data() + value.size(), priority);
      if (error != std::errc() || rest != value.data() + value.size()) {
        return fail(Code::InvalidArgument, key + ": \"" + value + "\" is not a 32-bit number");
      }
      out.priority = priority;
    } else {
      return fail(Code::Unimplemented, "not supported yet: " + key);
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
  out.yaml = is_yaml(request);
  if (out.yaml) {
    if (request.body.empty())
      return fail(Code::InvalidArgument, "the body is empty; wanted a YAML file");
    out.document = std::move(request.body);
    return out;
  }
  auto body = parse_create_body(request.body);
  if (!body) return pass(std::move(body.error()));
  if (out.name_space.empty()) {
    if (!body->name_space.empty() && !is_dns_label(body->name_space)) {
      return fail(Code::InvalidArgument, "\"" + body->name_space + "\" is not a namespace");
    }
    out.name_space = std::move(body->name_space);
  }
  out.document = std::move(body->workflow);
  out.dry_run = out.dry_run || body->dry_run;
  return out;
}

/// One object as Argo's clients send and expect it; `{"items": […]}` for a file, which may hold
/// several.
Reply<std::vector<Json>> reply_with_created(AnswerPtr answer, bool yaml) {
  return reply_with<std::vector<Json>>(std::move(answer), [yaml](std::vector<Json> objects) {
    if (yaml) return Json{{"items", std::move(objects)}};
    return objects.empty() ? Json::object() : std::move(objects.front());
  });
}

}  // namespace

void create_workflow(Backend& backend, Request& request, AnswerPtr answer) {
  auto create = read_create(request);
  if (!create) return answer->fail(std::move(create.error()));
  bool yaml = create->yaml;
  backend.create(std::move(*create), reply_with_created(std::move(answer), yaml));
}

void lint_workflow(Backend& backend, Request& request, AnswerPtr answer) {
  auto create = read_create(request);
  if (!create) return answer->fail(std::move(create.error()));
  bool yaml = create->yaml;
  backend.lint(std::move(*create), reply_with_created(std::move(answer), yaml));
}

}  // namespace gantry::api
