#pragma once

// Which workflows: the filters that list, delete, stop and terminate share.

#include <string>
#include <utility>
#include <vector>

#include "cli/command_line.h"
#include "cli/session.h"

namespace gantry::cli {

struct Selection {
  bool all_namespaces = false;
  bool running = false, completed = false;
  std::vector<std::string> status;
  std::string prefix, since, older, labels, fields;
  bool with_nodes = false;  ///< the whole objects, nodes included

  [[nodiscard]] bool narrows() const {
    return all_namespaces || running || completed || !status.empty() || !prefix.empty() ||
           !since.empty() || !older.empty() || !labels.empty() || !fields.empty();
  }
};

/// `--completed --status --prefix --older -l --field-selector -A`
void add_selection(Command& command, Selection& selection);

/// Every workflow that `selection` names, sorted as `list` shows them.
Result<std::vector<Json>> select_workflows(Session& session, const Selection& selection);

/// A workflow by namespace and name.
using Target = std::pair<std::string, std::string>;

/// Those of `selection`, if that narrows, and those of `names`; each once. Fails when neither says
/// anything.
Result<std::vector<Target>> select_targets(Session& session, const Selection& selection,
                                           const std::vector<std::string>& names);

/// PUT …/NAME/VERB with `body`, to which namespace and name are added; the workflow as it is then.
Result<Json> command_workflow(Session& session, const Target& target, const std::string& verb,
                              Json body);

}  // namespace gantry::cli
