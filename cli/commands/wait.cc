#include <memory>

#include "cli/commands/commands.h"
#include "cli/render/age.h"
#include "cli/render/status.h"
#include "cli/watch.h"

namespace gantry::cli {

int wait_workflows(Session& session, const std::vector<std::string>& names, bool ignore_not_found,
                   bool quiet) {
  struct Wait {
    std::string name;
    std::unique_ptr<WorkflowWatch> watch;
    bool done = false;
  };
  std::vector<Wait> waits(names.size());
  std::size_t left = names.size();
  int status = 0;
  auto done = [&](Wait& wait) {
    wait.done = true;
    --left;
  };
  for (std::size_t i = 0; i < names.size(); ++i) {
    Wait& wait = waits[i];
    wait.name = names[i];
    wait.watch = std::make_unique<WorkflowWatch>(session, names[i], [&](const Json& workflow) {
      if (wait.done || !finished(workflow)) return;
      std::string phase = text_at(workflow, {"status", "phase"});
      if (!quiet) {
        print_line(text_at(workflow, {"metadata", "name"}) + " " + phase + " at " +
                   go_time(*time_at(workflow, {"status", "finishedAt"})));
        std::fflush(stdout);
      }
      if (failed(phase)) status = 1;
      wait.watch->stop();
      done(wait);
    });
  }
  while (left > 0) {
    session.client->poll(1000);
    for (Wait& wait : waits) {
      if (wait.done) continue;
      wait.watch->tick();
      if (!wait.watch->error()) continue;
      if (!(ignore_not_found && wait.watch->error()->code == Code::NotFound)) {
        status = report(*wait.watch->error());
      }
      done(wait);
    }
  }
  return status;
}

void add_wait(Command& root, Session& session) {
  struct Options {
    std::vector<std::string> names;
    bool ignore_not_found = false;
  };
  auto options = std::make_shared<Options>();
  root.add("wait", "Wait for workflows to be over", "Workflows")
      .arguments("WORKFLOW", options->names, "Names; @latest is the newest")
      .flag("--ignore-not-found", options->ignore_not_found,
            "A workflow that does not exist is no failure")
      .action([&session, options] {
        return wait_workflows(session, options->names, options->ignore_not_found, false);
      });
}

}  // namespace gantry::cli
