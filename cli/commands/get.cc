#include "cli/commands/commands.h"
#include "cli/render/workflow_view.h"
#include "cli/watch.h"

namespace gantry::cli {
namespace {

struct GetOptions {
  std::vector<std::string> names;
  std::string output, status;
};

int get(Session& session, const GetOptions& options) {
  ViewOptions view{.status = options.status};
  if (options.output == "wide") view.detail = ViewOptions::Detail::Wide;
  if (options.output == "short") view.detail = ViewOptions::Detail::Short;
  for (const std::string& name : options.names) {
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
      .option("--status", options->status, "Only steps in this phase")
      .action([&session, options] { return get(session, *options); });
}

}  // namespace gantry::cli
