#include <memory>

#include "cli/commands/commands.h"
#include "cli/commands/linting.h"

namespace gantry::cli {

void add_lint(Command& root, Session& session) {
  auto options = std::make_shared<LintOptions>();
  Command command = root.add("lint", "Check workflow files without running them", "Workflows");
  add_lint_options(command, *options);
  command.action([&session, options] {
    return lint_files(session, *options, session.collection("workflows") + "/lint");
  });
}

}  // namespace gantry::cli
