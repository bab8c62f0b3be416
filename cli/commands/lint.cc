#include <memory>

#include "cli/commands/commands.h"
#include "cli/commands/linting.h"

namespace gantry::cli {

void add_lint(Command& root, Session& session) {
  auto options = std::make_shared<LintOptions>();
  Command command = root.add("lint", "Check files without running them", "Workflows");
  add_lint_options(command, *options);
  command
      .list("--kinds", options->kinds,
            "Only these: workflows, workflowtemplates, cronworkflows, clusterworkflowtemplates [all]")
      .action([&session, options] { return lint_files(session, *options); });
}

}  // namespace gantry::cli
