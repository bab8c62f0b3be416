#include <set>

#include "cli/commands/commands.h"
#include "cli/commands/selection.h"

namespace gantry::cli {
namespace {

struct StopOptions {
  std::vector<std::string> names;
  Selection selection;
  std::string message;
  bool dry_run = false;
};

/// `verb` is the API's: stop or terminate; `done` what the output calls it.
int stop(Session& session, const StopOptions& options, const std::string& verb, const char* done) {
  if (options.names.empty() && !options.selection.narrows()) {
    return report("requires either selector or workflow");
  }
  std::vector<std::pair<std::string, std::string>> targets;  // namespace, name
  if (options.selection.narrows()) {
    auto found = select_workflows(session, options.selection);
    if (!found) return report(found.error());
    for (const Json& item : *found) {
      targets.emplace_back(text_at(item, {"metadata", "namespace"}),
                           text_at(item, {"metadata", "name"}));
    }
  }
  for (const std::string& name : options.names) targets.emplace_back(session.name_space, name);

  std::set<std::pair<std::string, std::string>> seen;
  for (auto& [name_space, name] : targets) {
    if (!seen.emplace(name_space, name).second) continue;
    if (options.dry_run) {
      print_line("workflow " + name + " " + done + " (dry-run)");
      continue;
    }
    session.name_space = name_space;
    Json body{{"name", name}, {"namespace", name_space}};
    if (!options.message.empty()) body["message"] = options.message;
    Result<Json> answer = session.client->call({.method = "PUT",
                                                .path = session.workflow(name) + "/" + verb,
                                                .body = body.dump(),
                                                .content_type = "application/json"});
    if (!answer) return report(answer.error());
    std::string real = text_at(*answer, {"metadata", "name"});
    print_line("workflow " + (real.empty() ? name : real) + " " + done);
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
    command.option("--message", options->message, "The message that running steps get");
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
