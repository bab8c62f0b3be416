// suspend, resume, and what can be set on a suspended node.

#include <memory>

#include "cli/commands/commands.h"
#include "cli/commands/selection.h"

namespace gantry::cli {
namespace {

struct SuspendOptions {
  std::vector<std::string> names;
  std::string node_selector;
};

int act(Session& session, const SuspendOptions& options, const char* verb, const char* done) {
  for (const std::string& name : options.names) {
    Json body = Json::object();
    if (!options.node_selector.empty()) body["nodeFieldSelector"] = options.node_selector;
    Result<Json> answer =
        command_workflow(session, {session.name_space, name}, verb, std::move(body));
    if (!answer) {
      return report(std::move(answer.error()).wrap(std::string("failed to ") + verb + " " + name));
    }
    std::string real = text_at(*answer, {"metadata", "name"});
    print_line("workflow " + (real.empty() ? name : real) + " " + done);
  }
  return 0;
}

struct SetOptions {
  std::string name, node_selector, phase, message;
  std::vector<std::string> outputs;
};

/// As Go's strconv.Unquote for what a shell leaves of `p="Hello"`: quotes around the whole go.
std::string unquote(const std::string& text) {
  if (text.size() < 2 || text.front() != '"' || text.back() != '"') return text;
  auto parsed = parse_json(text);
  return parsed && parsed->is_string() ? parsed->get<std::string>() : text;
}

int set(Session& session, const SetOptions& options) {
  Json body = Json::object();
  auto put = [&](const char* field, const std::string& value) {
    if (!value.empty()) body[field] = value;
  };
  put("nodeFieldSelector", options.node_selector);
  put("phase", options.phase);
  put("message", options.message);
  if (!options.outputs.empty()) {
    Json outputs = Json::object();
    for (const std::string& output : options.outputs) {
      std::size_t equals = output.find('=');
      if (equals == std::string::npos) {
        return report("expected parameter of the form: NAME=VALUE. Received: " + output);
      }
      outputs[output.substr(0, equals)] = unquote(output.substr(equals + 1));
    }
    body["outputParameters"] = outputs.dump();
  }
  Result<Json> answer =
      command_workflow(session, {session.name_space, options.name}, "set", std::move(body));
  if (!answer) return report(answer.error());
  print_line("workflow values set");
  return 0;
}

}  // namespace

void add_suspend(Command& root, Session& session) {
  auto options = std::make_shared<SuspendOptions>();
  root.add("suspend", "Start nothing new of workflows", "Workflows")
      .arguments("WORKFLOW", options->names, "Names; @latest is the newest")
      .action([&session, options] { return act(session, *options, "suspend", "suspended"); });
}

void add_resume(Command& root, Session& session) {
  auto options = std::make_shared<SuspendOptions>();
  root.add("resume", "Go on with suspended workflows, or suspended steps", "Workflows")
      .arguments("WORKFLOW", options->names, "Names; @latest is the newest")
      .option("--node-field-selector", options->node_selector,
              "Only the nodes with these fields: displayName=approve")
      .action([&session, options] { return act(session, *options, "resume", "resumed"); });
}

void add_node(Command& root, Session& session) {
  Command parent = root.add("node", "Suspended steps", "Workflows");
  parent.needs_subcommand();
  auto options = std::make_shared<SetOptions>();
  parent.add("set", "Give outputs, a message or a phase to a suspended step")
      .argument("WORKFLOW", options->name, "Its name; @latest is the newest")
      .option("--node-field-selector", options->node_selector,
              "The nodes with these fields: displayName=approve")
      .option("--phase", options->phase, "Succeeded, Failed or Error")
      .repeatable("-p,--output-parameter", options->outputs, "A supplied output: NAME=VALUE")
      .option("-m,--message", options->message, "The node's message")
      .action([&session, options] { return set(session, *options); });
}

}  // namespace gantry::cli
