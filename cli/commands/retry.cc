// retry and resubmit.

#include <memory>

#include "cli/commands/commands.h"
#include "cli/commands/selection.h"
#include "cli/commands/submission.h"

namespace gantry::cli {
namespace {

struct AgainOptions {
  std::vector<std::string> names, parameters;
  Selection selection;
  std::string node_selector;
  bool restart_successful = false, memoized = false;
  AfterOptions after;
};

int again(Session& session, const AgainOptions& options, const std::string& verb) {
  auto targets = select_targets(session, options.selection, options.names);
  if (!targets) return report(targets.error());
  std::vector<std::string> names;
  for (const Target& target : *targets) {
    Json body = Json::object();
    if (!options.parameters.empty()) body["parameters"] = options.parameters;
    if (!options.node_selector.empty()) body["nodeFieldSelector"] = options.node_selector;
    if (options.restart_successful) body["restartSuccessful"] = true;
    if (options.memoized) body["memoized"] = true;
    Result<Json> answer = command_workflow(session, target, verb, std::move(body));
    if (!answer) return report(answer.error());
    names.push_back(text_at(*answer, {"metadata", "name"}));
    print_workflow(session, *answer, options.after.output);
  }
  // As argo: only one can be followed.
  return names.size() == 1 ? wait_watch_or_log(session, names, options.after) : 0;
}

Command add(Command& root, const std::shared_ptr<AgainOptions>& options, const char* verb,
            const char* description) {
  Command command = root.add(verb, description, "Workflows");
  command.optional_arguments("WORKFLOW", options->names, "Names; @latest is the newest")
      .option("-l,--selector", options->selection.labels, "All with these labels: a=b,c!=d")
      .option("--field-selector", options->selection.fields, "All with these fields")
      .repeatable("-p,--parameter", options->parameters, "An argument instead: NAME=VALUE");
  add_after_options(command, options->after);
  return command;
}

}  // namespace

void add_retry(Command& root, Session& session) {
  auto options = std::make_shared<AgainOptions>();
  add(root, options, "retry", "Run what failed of workflows again")
      .flag("--restart-successful", options->restart_successful,
            "Also those that succeeded and match --node-field-selector")
      .option("--node-field-selector", options->node_selector, "Nodes to run again")
      .action([&session, options] { return again(session, *options, "retry"); });
}

void add_resubmit(Command& root, Session& session) {
  auto options = std::make_shared<AgainOptions>();
  add(root, options, "resubmit", "Submit workflows again, as new ones")
      .flag("--memoized", options->memoized, "Keep what succeeded")
      .action([&session, options] { return again(session, *options, "resubmit"); });
}

}  // namespace gantry::cli
