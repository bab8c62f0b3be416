#include "cli/commands/commands.h"
#include "cli/commands/selection.h"
#include "cli/render/workflow_list.h"

namespace gantry::cli {
namespace {

int list(Session& session, Selection selection, const std::string& output, bool headers) {
  selection.with_nodes = output == "wide" || output == "json" || output == "yaml";
  auto found = select_workflows(session, selection);
  if (!found) return report(found.error());
  if (output == "json") {
    print_json(Json(*found));
  } else if (output == "yaml") {
    print_yaml(Json(*found));
  } else if (found->empty()) {
    print_line("No workflows found");
  } else if (output == "name") {
    for (const Json& workflow : *found) print_line(text_at(workflow, {"metadata", "name"}));
  } else {
    print(workflow_list(
        *found,
        {.wide = output == "wide", .with_namespace = selection.all_namespaces, .headers = headers},
        wall_clock()));
  }
  return 0;
}

}  // namespace

void add_list(Command& root, Session& session) {
  struct Options {
    Selection selection;
    std::string output;
    bool no_headers = false;
  };
  auto options = std::make_shared<Options>();
  Command command = root.add("list", "List workflows", "Workflows");
  add_selection(command, options->selection);
  command.flag("--running", options->selection.running, "Only those that are not over")
      .option("--since", options->selection.since, "Only those created within 10m, 2h, 1d")
      .flag("--no-headers", options->no_headers, "Leave the column titles out")
      .choice("-o,--output", options->output, {"name", "json", "yaml", "wide"})
      .action([&session, options] {
        return list(session, options->selection, options->output, !options->no_headers);
      });
}

}  // namespace gantry::cli
