#include "cli/commands/submission.h"

#include <map>

#include "cli/commands/commands.h"
#include "cli/render/diagnostic.h"
#include "cli/render/workflow_view.h"
#include "cli/render/yaml.h"

namespace gantry::cli {

void add_submit_options(Command& command, SubmitOptions& options) {
  command
      .repeatable("-p,--parameter", options.parameters, "An argument of the workflow: NAME=VALUE")
      .option("-f,--parameter-file", options.parameter_file, "A YAML or JSON file of arguments")
      .option("--name", options.name, "The workflow's name instead of its own")
      .option("--generate-name", options.generate_name, "The name's beginning instead")
      .option("--entrypoint", options.entrypoint, "The template to begin with instead")
      .option("--serviceaccount", options.service_account, "The service account's name instead")
      .option("-l,--labels", options.labels, "Labels to add: a=b,c=d")
      .option("--priority", options.priority, "The workflow's priority instead")
      .flag("--strict", options.strict, "A number or boolean where a text is wanted is an error");
}

Result<std::pair<std::string, std::string>> parse_assignment(const std::string& text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0) {
    return fail(Code::InvalidArgument, "expected parameter of the form: NAME=VALUE. Received: " + text);
  }
  return std::pair(text.substr(0, equals), text.substr(equals + 1));
}

Result<std::vector<std::pair<std::string, std::string>>> submit_query(
    const SubmitOptions& options) {
  std::vector<std::pair<std::string, std::string>> query;
  // As in argo: -p wins over the file, and of two -p with one name the last.
  std::vector<std::string> order;
  std::map<std::string, std::string> values;
  auto set = [&](const std::string& name, const std::string& value) {
    if (!values.contains(name)) order.push_back(name);
    values[name] = value;
  };
  if (!options.parameter_file.empty()) {
    Result<std::string> text = read_file(options.parameter_file);
    if (!text) return fail(text.error());
    auto parsed = parse_parameter_file(*text, options.parameter_file);
    if (!parsed) return fail(parsed.error());
    for (const auto& [name, value] : *parsed) set(name, value);
  }
  for (const std::string& parameter : options.parameters) {
    auto assignment = parse_assignment(parameter);
    if (!assignment) return fail(assignment.error());
    set(assignment->first, assignment->second);
  }
  for (const std::string& name : order) {
    query.emplace_back("submitOptions.parameters", name + "=" + values[name]);
  }
  auto add = [&](const char* key, const std::string& value) {
    if (!value.empty()) query.emplace_back(key, value);
  };
  add("submitOptions.name", options.name);
  add("submitOptions.generateName", options.generate_name);
  add("submitOptions.entryPoint", options.entrypoint);
  add("submitOptions.serviceAccount", options.service_account);
  add("submitOptions.labels", options.labels);
  if (options.priority)
    query.emplace_back("submitOptions.priority", std::to_string(*options.priority));
  if (options.dry_run) query.emplace_back("createOptions.dryRun", "All");
  if (options.strict) query.emplace_back("strict", "true");
  return query;
}

Result<std::vector<Json>> submit_document(
    Session& session, const Document& document,
    const std::vector<std::pair<std::string, std::string>>& query) {
  Request request{.method = "POST",
                  .path = session.collection("workflows"),
                  .query = query,
                  .body = document.text,
                  .content_type = "application/yaml"};
  request.query.emplace_back("file", document.name);
  Result<Json> answer = session.client->call(std::move(request));
  if (!answer) return fail(answer.error());
  const Json& items = at(*answer, {"items"});
  if (!items.is_array() || items.empty()) {
    return fail(Code::InvalidArgument, "no workflow found in " + document.name);
  }
  return items.get<std::vector<Json>>();
}

int report_document(Session& session, const Document& document, const Error& error) {
  std::vector<std::string> lines = message_lines(error.message);
  bool first = true;
  for (const std::string& line : lines) {
    std::string text = flatten(line);
    print_error((first ? paint("Error:", Color::Red, session.err.color) + " " : "       ") + text);
    first = false;
    if (!session.err.interactive) continue;
    std::string source = excerpt(line, document.name, document.text, session.err);
    if (!source.empty()) print_error(source.substr(0, source.size() - 1));
  }
  return 1;
}

void add_after_options(Command& command, AfterOptions& options) {
  command.flag("-w,--wait", options.wait, "Wait for the end; fails with the workflow")
      .flag("--watch", options.watch, "Watch until the end")
      .flag("--log", options.log, "Follow the log")
      .choice("-o,--output", options.output, {"name", "json", "yaml", "wide"});
}

void print_workflow(const Session& session, const Json& workflow, const std::string& output) {
  if (output == "name") {
    print_line(text_at(workflow, {"metadata", "name"}));
  } else if (output == "json") {
    print_json(workflow);
  } else if (output == "yaml") {
    print_yaml(workflow);
  } else {
    ViewOptions view;
    if (output == "wide") view.detail = ViewOptions::Detail::Wide;
    print(workflow_view(workflow, view, session.out, wall_clock()));
  }
}

int wait_watch_or_log(Session& session, const std::vector<std::string>& names,
                      const AfterOptions& options) {
  std::fflush(stdout);
  if (options.watch && names.size() > 1) return report("cannot watch more than one workflow");
  if (options.log) {
    for (const std::string& name : names) {
      if (int status = follow_logs(session, name)) return status;
    }
  }
  if (options.watch && !names.empty()) return watch_workflow(session, names.front());
  if (options.wait) {
    bool quiet = !options.output.empty() && options.output != "wide";
    return wait_workflows(session, names, false, quiet);
  }
  return 0;
}

Result<Json> submit_from(Session& session, const std::string& from, const SubmitOptions& options) {
  std::size_t slash = from.find('/');
  if (slash == std::string::npos || slash == 0 || slash + 1 == from.size()) {
    return fail(Code::InvalidArgument, "resource identifier '" + from +
                                           "' is malformed. Should be `kind/name`, e.g. "
                                           "cronwf/hello-world-cwf");
  }
  auto query = submit_query(options);
  if (!query) return fail(query.error());
  Json submit = Json::object();
  constexpr std::string_view kPrefix = "submitOptions.";
  for (const auto& [key, value] : *query) {
    if (!key.starts_with(kPrefix)) continue;
    const std::string name = key.substr(kPrefix.size());
    if (name == "parameters") {
      submit[name].push_back(value);
    } else {
      submit[name] = value;
    }
  }
  if (options.priority) submit["priority"] = *options.priority;
  if (options.dry_run) submit["dryRun"] = true;
  Json body{{"namespace", session.name_space},
            {"resourceKind", from.substr(0, slash)},
            {"resourceName", from.substr(slash + 1)},
            {"submitOptions", std::move(submit)}};
  return session.client->call({.method = "POST",
                               .path = session.collection("workflows") + "/submit",
                               .body = body.dump(),
                               .content_type = "application/json"});
}

}  // namespace gantry::cli
