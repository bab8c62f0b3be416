#include "cli/commands/cron_create.h"

#include <algorithm>
#include <memory>

#include "cli/commands/submission.h"
#include "cli/files.h"
#include "workflow/document.h"

namespace gantry::cli {
namespace {

struct Options {
  std::vector<std::string> files;
  SubmitOptions submit;
  std::string schedule, output;
  bool strict = true;
};

Result<CronChanges> changes_of(const Options& options) {
  auto query = submit_query(options.submit);
  if (!query) return fail(query.error());
  CronChanges changes{.schedule = options.schedule,
                      .name = options.submit.name,
                      .generate_name = options.submit.generate_name,
                      .entrypoint = options.submit.entrypoint,
                      .service_account = options.submit.service_account,
                      .priority = options.submit.priority,
                      .parameters = {}};
  for (const auto& [key, value] : *query) {
    if (key != "submitOptions.parameters") continue;
    const std::size_t equals = value.find('=');
    changes.parameters.emplace_back(value.substr(0, equals), value.substr(equals + 1));
  }
  return changes;
}

/// Every object of the files by itself, changed.
int create_changed(Session& session, const ResourceFamily& family, const Options& options,
                   const CronChanges& changes) {
  auto documents = read_documents(options.files);
  if (!documents) return report(documents.error());
  for (const Document& document : *documents) {
    workflow::Diagnostics diagnostics;
    const auto parsed =
        workflow::Document::parse_yaml(document.text, workflow::Limits{}, diagnostics);
    for (const auto& item : diagnostics.items()) {
      if (item.severity == workflow::Diagnostic::Severity::Error) {
        return report(workflow::to_string(item, document.name));
      }
    }
    for (const workflow::Node* root : parsed.roots()) {
      Json cron = Json::parse(workflow::to_json(*root), nullptr, false);
      Json body{{"namespace", session.name_space},
                {"cronWorkflow", changed_cron(std::move(cron), changes)}};
      Request request{.method = "POST",
                      .path = collection_of(session, family),
                      .query = {},
                      .body = body.dump(),
                      .content_type = "application/json"};
      if (options.strict) request.query.emplace_back("strict", "true");
      Result<Json> answer = session.client->call(std::move(request));
      if (!answer) return report(document.name + ": " + answer.error().message);
      show_resource(family, *answer, options.output);
    }
  }
  return 0;
}

}  // namespace

bool CronChanges::empty() const {
  return schedule.empty() && name.empty() && generate_name.empty() && entrypoint.empty() &&
         service_account.empty() && !priority && parameters.empty();
}

Json changed_cron(Json cron, const CronChanges& changes) {
  if (!cron.is_object() || !cron.contains("spec") || !cron["spec"].is_object()) return cron;
  Json& spec = cron["spec"];
  if (!changes.schedule.empty()) {
    spec.erase("schedule");
    spec["schedules"] = {changes.schedule};
  }
  if (!cron.contains("metadata") || !cron["metadata"].is_object()) {
    cron["metadata"] = Json::object();
  }
  Json& metadata = cron["metadata"];
  if (!changes.generate_name.empty()) {
    metadata["generateName"] = changes.generate_name;
    metadata.erase("name");
  }
  if (!changes.name.empty()) {
    metadata["name"] = changes.name;
    metadata.erase("generateName");
  }
  if (!spec.contains("workflowSpec") || !spec["workflowSpec"].is_object()) return cron;
  Json& workflow = spec["workflowSpec"];
  if (!changes.entrypoint.empty()) workflow["entrypoint"] = changes.entrypoint;
  if (!changes.service_account.empty()) workflow["serviceAccountName"] = changes.service_account;
  if (changes.priority) workflow["priority"] = *changes.priority;
  if (changes.parameters.empty()) return cron;
  Json parameters = Json::array();
  for (const auto& [name, value] : changes.parameters) {
    parameters.push_back({{"name", name}, {"value", value}});
  }
  const Json& written = at(workflow, {"arguments", "parameters"});
  for (const Json& parameter : written.is_array() ? written : Json::array()) {
    const std::string name = text_at(parameter, {"name"});
    const bool given = std::any_of(changes.parameters.begin(), changes.parameters.end(),
                                   [&](const auto& one) { return one.first == name; });
    if (!given) parameters.push_back(parameter);
  }
  workflow["arguments"]["parameters"] = std::move(parameters);
  return cron;
}

void add_cron_create(Command& parent, Session& session, const ResourceFamily& family) {
  auto options = std::make_shared<Options>();
  SubmitOptions& submit = options->submit;
  parent.add("create", std::string("Create ") + family.words)
      .arguments("FILE", options->files, "Files or directories; - is standard input")
      .option("--schedule", options->schedule, "When to run, instead of the file's schedules")
      .repeatable("-p,--parameter", submit.parameters, "An argument of the workflow: NAME=VALUE")
      .option("-f,--parameter-file", submit.parameter_file, "A YAML or JSON file of arguments")
      .option("--name", submit.name, "The cron workflow's name instead of its own")
      .option("--generate-name", submit.generate_name, "The name's beginning instead")
      .option("--entrypoint", submit.entrypoint, "The template to begin with instead")
      .option("--serviceaccount", submit.service_account, "The service account's name instead")
      .option("--priority", submit.priority, "The workflows' priority instead")
      .choice("-o,--output", options->output, {"name", "json", "yaml", "wide"})
      .flag("--strict,!--no-strict", options->strict,
            "A number or boolean where a text is wanted is an error (the default)")
      .action([&session, &family, options] {
        auto changes = changes_of(*options);
        if (!changes) return report(changes.error());
        // Nothing to change: the file goes as it is, so that errors name its lines.
        if (changes->empty()) {
          return send_resources(session, family, options->files, options->strict, options->output,
                                "POST");
        }
        return create_changed(session, family, *options, *changes);
      });
}

}  // namespace gantry::cli
