#pragma once

// Checking files without running them: what `lint` and the lint subcommands share. The checks are done here; the daemon
// is asked only for templates that the files refer to and do not have.

#include <string>
#include <vector>

#include "cli/command_line.h"
#include "cli/files.h"
#include "cli/session.h"
#include "workflow/lint.h"

namespace gantry::cli {

struct LintOptions {
  std::vector<std::string> files;
  std::vector<std::string> kinds;  ///< as workflow::LintOptions has them; empty: all
  std::string output = "pretty";
  bool strict = true;
  bool offline = false;
};

/// `FILE… -o --strict --offline`
void add_lint_options(Command& command, LintOptions& options);

/// Prints what is found in each file, and the verdict; 0 when something was linted and nothing is wrong with it. The words
/// are Argo's (cmd/argo/lint/formatter_pretty.go, formatter_simple.go); notes and warnings stand among them.
class LintReport {
 public:
  LintReport(const Session& session, bool pretty) : session_(&session), pretty_(pretty) {}

  void add(const Document& document, const workflow::LintedFile& result);
  int finish();

 private:
  void add(const Document& document, const workflow::LintFinding& finding);

  const Session* session_;
  bool pretty_;
  bool linted_ = false;
  std::size_t errors_ = 0;
};

/// Checks the files; the exit status.
int lint_files(Session& session, const LintOptions& options);

}  // namespace gantry::cli
