#include "cli/commands/commands.h"
#include "cli/commands/selection.h"

namespace gantry::cli {
namespace {

struct DeleteOptions {
  std::vector<std::string> names;
  Selection selection;
  bool all = false, dry_run = false, force = false;
};

int remove(Session& session, const DeleteOptions& options) {
  bool select = options.all || options.selection.narrows();
  if (options.names.empty() && !select)
    return report("requires either a workflow or other argument");
  std::vector<std::pair<std::string, std::string>> targets;  // namespace, name
  for (const std::string& name : options.names) targets.emplace_back(session.name_space, name);
  if (select) {
    auto found = select_workflows(session, options.selection);
    if (!found) return report(found.error());
    for (const Json& item : *found) {
      targets.emplace_back(text_at(item, {"metadata", "namespace"}),
                           text_at(item, {"metadata", "name"}));
    }
  }
  if (targets.empty()) print_line("No resources found");
  for (const auto& [name_space, name] : targets) {
    if (options.dry_run) {
      print_line("Workflow '" + name + "' deleted (dry-run)");
      continue;
    }
    session.name_space = name_space;
    Request request{.method = "DELETE", .path = session.workflow(name)};
    if (options.force) request.query.emplace_back("force", "true");
    Result<Json> answer = session.client->call(std::move(request));
    if (!answer && answer.error().code == Code::NotFound) {
      print_line("Workflow '" + name + "' not found");
    } else if (!answer) {
      return report(answer.error());
    } else {
      print_line("Workflow '" + name + "' deleted");
    }
  }
  return 0;
}

}  // namespace

void add_delete(Command& root, Session& session) {
  auto options = std::make_shared<DeleteOptions>();
  Command command = root.add("delete", "Delete workflows", "Workflows");
  command.optional_arguments("WORKFLOW", options->names, "Names; @latest is the newest")
      .flag("--all", options->all, "All of the namespace");
  add_selection(command, options->selection);
  command.flag("--force", options->force, "Even when something holds it")
      .flag("--dry-run", options->dry_run, "Only say what would be done")
      .action([&session, options] { return remove(session, *options); });
}

}  // namespace gantry::cli
