#pragma once

// The tree of a workflow's nodes as `argo get` draws it (argo-workflows
// cmd/argo/commands/common/get.go): by boundary rather than by `children`, step groups and
// single-attempt retries pulled up into their parent. Pure.

#include <string>
#include <vector>

#include "cli/json.h"

namespace gantry::cli {

struct TreeOptions {
  bool utf8 = true;
  std::string status;  ///< draw only nodes in this phase; "": all
};

struct TreeRow {
  std::string prefix;  ///< the branches, with the leading space: ` ├─`
  const Json* node;    ///< into the workflow that the rows were made of
};

struct Tree {
  std::vector<TreeRow> main;
  std::vector<TreeRow> on_exit;
};

/// Empty while the workflow has no root node yet.
Tree node_tree(const Json& workflow, const TreeOptions& options);

}  // namespace gantry::cli
