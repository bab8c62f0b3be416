#include "cli/commands/submission.h"

#include <map>

#include "cli/commands/commands.h"
#include "cli/render/diagnostic.h"
#include "cli/render/yaml.h"

namespace gantry::cli {

void add_submit_options(Command& command, SubmitOptions& options) {
  command
      .repeatable("-p,--parameter", options.parameters, "An argument of the workflow: NAME=VALUE")
      .option("-f,--parameter-file", options.parameter_file, "A YAML or JSON file of arguments")
      .option("--name", options.name, "The workflow's name instead of its own")
      .option("--generate-name", options.generate_name, "The name's beginning instead")
      .option("--entrypoint", options.entrypoint, "The template to begin with instead")
      .option("-l,--labels", options.labels, "Labels to add: a=b,c=d")
      .option("--priority", options.priority, "The workflow's priority instead")
      .flag("--strict", options.strict, "A number or boolean where a text is wanted is an error");
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
    std::size_t equals = parameter.find('=');
    if (equals == std::string::npos || equals == 0) {
      return fail(Code::InvalidArgument,
                  "expected parameter of the form: NAME=VALUE. Received: " + parameter);
    }
    set(parameter.substr(0, equals), parameter.substr(equals + 1));
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

}  // namespace gantry::cli
