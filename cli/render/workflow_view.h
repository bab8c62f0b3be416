#pragma once

// `gantry get`: one workflow, as `argo get` prints it. Pure.

#include <string>

#include "cli/json.h"
#include "cli/render/terminal.h"

namespace gantry::cli {

struct ViewOptions {
  enum class Detail { Default, Short, Wide } detail = Detail::Default;
  std::string status;  ///< only nodes in this phase; "": all
};

std::string workflow_view(const Json& workflow, const ViewOptions& options,
                          const Terminal& terminal, Time now);
/// The table of nodes alone; "" while there is none.
std::string node_table(const Json& workflow, const ViewOptions& options, const Terminal& terminal,
                       Time now);

}  // namespace gantry::cli
