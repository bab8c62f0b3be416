#include "cli/commands/commands.h"
#include "cli/render/table.h"
#include "cli/render/workflow_view.h"
#include "cli/watch.h"

namespace gantry::cli {
namespace {

struct GetOptions {
  std::vector<std::string> names;
  std::string output, status;
  bool events = false;
};

/// What happened to it, oldest first.
int show_events(Session& session, const std::string& name, const std::string& output) {
  Result<Json> answer = session.client->call({.path = session.workflow(name) + "/events"});
  if (!answer) return report(answer.error());
  if (output == "json") {
    print_json(*answer);
    return 0;
  }
  if (output == "yaml") {
    print_yaml(*answer);
    return 0;
  }
  Table table(3);
  table.row({"TIME", "NODE", "REASON", "MESSAGE"});
  for (const Json& event : at(*answer, {"items"})) {
    const std::string node = text_at(event, {"node"});
    table.row({text_at(event, {"time"}), node.empty() ? text_at(event, {"nodeId"}) : node, text_at(event, {"reason"}),
               text_at(event, {"message"})});
  }
  print(table.text());
  return 0;
}

int get(Session& session, const GetOptions& options) {
  ViewOptions view{.status = options.status};
  if (options.output == "wide") view.detail = ViewOptions::Detail::Wide;
  if (options.output == "short") view.detail = ViewOptions::Detail::Short;
  for (const std::string& name : options.names) {
    if (options.events) {
      if (int status = show_events(session, name, options.output); status != 0) return status;
      continue;
    }
    Result<Json> workflow = session.get_workflow(name);
    if (!workflow) return report(workflow.error());
    if (options.output == "json") {
      print_json(*workflow);
    } else if (options.output == "yaml") {
      print_yaml(*workflow);
    } else if (options.output == "name") {
      print_line(text_at(*workflow, {"metadata", "name"}));
    } else {
      print(workflow_view(*workflow, view, session.out, wall_clock()));
    }
  }
  return 0;
}

}  // namespace

void add_get(Command& root, Session& session) {
  auto options = std::make_shared<GetOptions>();
  root.add("get", "Show a workflow and its steps", "Workflows")
      .arguments("WORKFLOW", options->names, "Names; @latest is the newest")
      .choice("-o,--output", options->output, {"name", "json", "yaml", "short", "wide"})
      .flag("--events", options->events, "What happened to it and who did it, oldest first")
      .option("--status", options->status, "Only steps in this phase")
      .action([&session, options] { return get(session, *options); });
}

}  // namespace gantry::cli
