#include "cli/commands/commands.h"
#include "cli/commands/selection.h"

namespace gantry::cli {
namespace {

struct StopOptions {
  std::vector<std::string> names;
  Selection selection;
  std::string message, node_selector;
  bool dry_run = false;
};

/// `verb` is the API's: stop or terminate; `done` what the output calls it.
int stop(Session& session, const StopOptions& options, const std::string& verb, const char* done) {
  auto targets = select_targets(session, options.selection, options.names);
  if (!targets) return report(targets.error());
  for (const Target& target : *targets) {
    if (options.dry_run) {
      print_line("workflow " + target.second + " " + done + " (dry-run)");
      continue;
    }
    Json body = Json::object();
    if (!options.message.empty()) body["message"] = options.message;
    if (!options.node_selector.empty()) body["nodeFieldSelector"] = options.node_selector;
    Result<Json> answer = command_workflow(session, target, verb, std::move(body));
    if (!answer) return report(answer.error());
    std::string real = text_at(*answer, {"metadata", "name"});
    print_line("workflow " + (real.empty() ? target.second : real) + " " + done);
  }
  return 0;
}

void add(Command& root, Session& session, const std::string& verb, const char* done,
         const char* description) {
  auto options = std::make_shared<StopOptions>();
  Command command = root.add(verb, description, "Workflows");
  command.optional_arguments("WORKFLOW", options->names, "Names; @latest is the newest")
      .option("-l,--selector", options->selection.labels, "All with these labels: a=b,c!=d")
      .option("--field-selector", options->selection.fields, "All with these fields")
      .flag("--dry-run", options->dry_run, "Only say what would be done");
  if (verb == "stop") {
    command.option("--message", options->message, "The message that running steps get")
        .option("--node-field-selector", options->node_selector,
                "Fail only the waiting Suspend nodes with these fields: displayName=approve");
  }
  command.action([&session, options, verb, done] { return stop(session, *options, verb, done); });
}

}  // namespace

void add_stop(Command& root, Session& session) {
  add(root, session, "stop", "stopped", "Stop workflows; their exit handlers still run");
}

void add_terminate(Command& root, Session& session) {
  add(root, session, "terminate", "terminated", "End workflows at once, without exit handlers");
}

}  // namespace gantry::cli
