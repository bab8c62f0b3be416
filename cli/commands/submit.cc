#include "cli/commands/commands.h"
#include "cli/commands/submission.h"
#include "cli/follow.h"

namespace gantry::cli {
namespace {

struct Options {
  std::vector<std::string> files;
  std::string from;
  SubmitOptions submit;
  AfterOptions after;
  bool dry_run = false, server_dry_run = false;
};

std::string contradiction(const Options& options) {
  const AfterOptions& after = options.after;
  bool dry = options.dry_run || options.server_dry_run;
  if (options.from.empty() == options.files.empty()) {
    return "give workflow files, or --from KIND/NAME";
  }
  if (after.wait && after.watch) return "--wait cannot be combined with --watch";
  if (dry && after.watch) return "--watch cannot be combined with --dry-run";
  if (dry && after.wait) return "--wait cannot be combined with --dry-run";
  if (dry && after.log) return "--log cannot be combined with --dry-run";
  return {};
}

int run(Session& session, const Options& options) {
  auto query = submit_query(options.submit);
  if (!query) return report(query.error());
  auto documents = read_documents(options.files);
  if (!documents) return report(documents.error());
  int status = 0;
  for (const Document& document : *documents) {
    auto created = submit_document(session, document, *query);
    if (!created) return report_document(session, document, created.error());
    for (const Json& workflow : *created) {
      if (int result = follow(session, workflow)) status = result;
      if (status > 1) return status;  // let go of by a signal
    }
  }
  return status;
}

int submit_files(Session& session, const Options& options, std::vector<std::string>& names) {
  auto query = submit_query(options.submit);
  if (!query) return report(query.error());
  auto documents = read_documents(options.files);
  if (!documents) return report(documents.error());
  if (documents->empty()) return report("no workflow found in given files");
  for (const Document& document : *documents) {
    auto created = submit_document(session, document, *query);
    if (!created) return report_document(session, document, created.error());
    for (const Json& workflow : *created) {
      names.push_back(text_at(workflow, {"metadata", "name"}));
      print_workflow(session, workflow, options.after.output);
    }
  }
  return 0;
}

int submit(Session& session, Options options) {
  if (std::string message = contradiction(options); !message.empty()) return report(message);
  bool dry = options.submit.dry_run = options.dry_run || options.server_dry_run;
  if (dry && options.after.output.empty()) options.after.output = "yaml";
  std::vector<std::string> names;
  if (options.from.empty()) {
    if (int status = submit_files(session, options, names)) return status;
  } else {
    auto created = submit_from(session, options.from, options.submit);
    if (!created) return report(created.error());
    names.push_back(text_at(*created, {"metadata", "name"}));
    print_workflow(session, *created, options.after.output);
  }
  return wait_watch_or_log(session, names, options.after);
}

}  // namespace

void add_run(Command& root, Session& session) {
  auto options = std::make_shared<Options>();
  Command command = root.add("run", "Submit a workflow and follow it to its end", "Workflows");
  command.arguments("FILE", options->files, "Workflow file; - is standard input");
  add_submit_options(command, options->submit);
  command
      .footer(
          "Exit status: 0 when the workflow succeeded, 1 when not.\n"
          "Ctrl-C stops the workflow; a second Ctrl-C lets go of it (130).")
      .action([&session, options] { return run(session, *options); });
}

void add_submit(Command& root, Session& session) {
  auto options = std::make_shared<Options>();
  Command command = root.add("submit", "Submit workflows", "Workflows");
  command.optional_arguments("FILE", options->files, "Files or directories; - is standard input");
  command.option("--from", options->from,
                 "KIND/NAME of what is stored: workflowtemplate, clusterworkflowtemplate or "
                 "cronworkflow (wftmpl, cwftmpl, cronwf)");
  add_submit_options(command, options->submit);
  add_after_options(command, options->after);
  command.flag("--dry-run", options->dry_run, "Check, and print what would be created")
      .flag("--server-dry-run", options->server_dry_run, "The same")
      .action([&session, options] { return submit(session, *options); });
}

}  // namespace gantry::cli
