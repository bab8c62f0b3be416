#pragma once

// Files checked without running them, as `argo lint` does: same verdict, all the errors with their places (argo-workflows
// cmd/argo/lint/lint.go, pkg/apiclient/offline-client.go). What only this host cannot run is a note.

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "workflow/diagnostic.h"
#include "workflow/limits.h"

namespace gantry::workflow {

struct LintOptions {
  bool strict = true;              ///< unknown fields are errors
  std::vector<std::string> kinds;  ///< only these, as plurals, short names or names ("workflows", "wf", "Workflow"); empty: all
  std::string name_space;          ///< of objects that name none
  /// Templates that are not in the files: the whole object as text, or null. Empty: there are no others.
  std::function<std::shared_ptr<const std::string>(std::string_view name_space, std::string_view name, bool cluster_scope)>
      find_template;
  Limits limits;
};

struct LintFinding {
  Diagnostic diagnostic;
  std::string object;  ///< `"hello" (Workflow)`; empty: of the file
};

struct LintedFile {
  std::vector<LintFinding> findings;
  bool linted = false;  ///< there was an object to check in it
};

/// Whether `kind` may stand in LintOptions::kinds.
bool is_lint_kind(std::string_view kind);

/// Checks what is in each of `files` (YAML or JSON). The templates in all of them are known to all of them; what is no
/// object of Argo's is passed over with a note. The answer is in the order of the files.
std::vector<LintedFile> lint(std::span<const std::string_view> files, const LintOptions& options);

}  // namespace gantry::workflow
