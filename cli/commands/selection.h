#pragma once

// Which workflows: the filters that list, delete, stop and terminate share.

#include <string>
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

}  // namespace gantry::cli
