#pragma once

// `gantry list`: the table of workflows, as `argo list` prints it. Pure.

#include <string>
#include <vector>

#include "cli/json.h"

namespace gantry::cli {

struct ListOptions {
  bool wide = false;
  bool with_namespace = false;
  bool headers = true;
};

/// Unfinished ones first, newest created first; then by their end, newest first.
void sort_workflows(std::vector<Json>& workflows);
std::string workflow_list(const std::vector<Json>& workflows, const ListOptions& options, Time now);

}  // namespace gantry::cli
