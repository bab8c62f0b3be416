#include "cli/commands/commands.h"
#include "cli/commands/submission.h"
#include "cli/follow.h"
#include "cli/render/workflow_view.h"

namespace gantry::cli {
namespace {

struct Options {
  std::vector<std::string> files;
  SubmitOptions submit;
  std::string output;
  bool wait = false, watch = false, log = false, dry_run = false, server_dry_run = false;
};

std::string contradiction(const Options& options) {
  bool dry = options.dry_run || options.server_dry_run;
  if (options.wait && options.watch) return "--wait cannot be combined with --watch";
  if (dry && options.watch) return "--watch cannot be combined with --dry-run";
  if (dry && options.wait) return "--wait cannot be combined with --dry-run";
  if (dry && options.log) return "--log cannot be combined with --dry-run";
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

int submit(Session& session, Options options) {
  if (std::string message = contradiction(options); !message.empty()) return report(message);
  bool dry = options.submit.dry_run = options.dry_run || options.server_dry_run;
  if (dry && options.output.empty()) options.output = "yaml";
  auto query = submit_query(options.submit);
  if (!query) return report(query.error());
  auto documents = read_documents(options.files);
  if (!documents) return report(documents.error());
  if (documents->empty()) return report("no workflow found in given files");
  std::vector<std::string> names;
  for (const Document& document : *documents) {
    auto created = submit_document(session, document, *query);
    if (!created) return report_document(session, document, created.error());
    for (const Json& workflow : *created) {
      names.push_back(text_at(workflow, {"metadata", "name"}));
      if (options.output == "name") {
        print_line(names.back());
      } else if (options.output == "json") {
        print_json(workflow);
      } else if (options.output == "yaml") {
        print_yaml(workflow);
      } else {
        ViewOptions view;
        if (options.output == "wide") view.detail = ViewOptions::Detail::Wide;
        print(workflow_view(workflow, view, session.out, wall_clock()));
      }
    }
  }
  std::fflush(stdout);
  if (options.watch && names.size() > 1) return report("cannot watch more than one workflow");
  if (options.log) {
    for (const std::string& name : names) {
      if (int status = follow_logs(session, name)) return status;
    }
  }
  if (options.watch) return watch_workflow(session, names.front());
  if (options.wait) {
    bool quiet = !options.output.empty() && options.output != "wide";
    return wait_workflows(session, names, false, quiet);
  }
  return 0;
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
  command.arguments("FILE", options->files, "Files or directories; - is standard input");
  add_submit_options(command, options->submit);
  command.flag("-w,--wait", options->wait, "Wait for the end; fails with the workflow")
      .flag("--watch", options->watch, "Watch until the end")
      .flag("--log", options->log, "Follow the log")
      .flag("--dry-run", options->dry_run, "Check, and print what would be created")
      .flag("--server-dry-run", options->server_dry_run, "The same")
      .choice("-o,--output", options->output, {"name", "json", "yaml", "wide"})
      .action([&session, options] { return submit(session, *options); });
}

}  // namespace gantry::cli
