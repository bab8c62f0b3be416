#pragma once

// Checking files without running them: what `lint` and the lint subcommands share.

#include <string>
#include <vector>

#include "cli/command_line.h"
#include "cli/files.h"
#include "cli/session.h"

namespace gantry::cli {

struct LintOptions {
  std::vector<std::string> files;
  std::string output = "pretty";
  bool strict = true;
};

/// `FILE… -o --strict`
void add_lint_options(Command& command, LintOptions& options);

/// Prints what is wrong with each file, and the verdict; 0 when something was linted and nothing is
/// wrong with it.
class LintReport {
 public:
  LintReport(const Session& session, bool pretty) : session_(&session), pretty_(pretty) {}

  void good() { linted_ = true; }
  /// `message`: a finding a line.
  void bad(const Document& document, std::string_view message);
  int finish();

 private:
  const Session* session_;
  bool pretty_;
  bool linted_ = false;
  std::size_t errors_ = 0;
};

/// Lets the daemon check the files at `path`.
int lint_files(Session& session, const LintOptions& options, const std::string& path);

}  // namespace gantry::cli
