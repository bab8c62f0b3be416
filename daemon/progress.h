#pragma once

// Progress as Argo counts it (argo-workflows workflow/progress/updater.go): a pod is 0/1, or 1/1
// once Succeeded; any other node is the sum of all pods that can be reached through its children,
// each counted once. Pure.

#include <cstddef>
#include <string>
#include <vector>

#include "daemon/engine/node.h"

namespace gantry {

struct Progress {
  std::size_t done = 0;
  std::size_t total = 0;
  /// "2/3"; a node without any pod shows none.
  [[nodiscard]] std::string text() const;
};

struct RunProgress {
  Progress run;
  std::vector<Progress> nodes;  ///< as the nodes that were asked about
};

/// Of the nodes from `first` on, `count` of them; those of the others are not filled in. The run's counts them all.
RunProgress count_progress(const std::vector<const engine::Node*>& nodes, std::size_t first = 0,
                           std::size_t count = ~std::size_t{0});

}  // namespace gantry
