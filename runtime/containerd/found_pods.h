#pragma once

// What containerd has of pods, found by the label that their containers and snapshots carry.

#include <functional>
#include <vector>

#include "base/error.h"
#include "runtime/containerd/services.h"
#include "runtime/runtime.h"

namespace gantry::containerd {

/// `done` is called once, on the loop, unless the runtime goes first.
void find_pods(Services& services, std::function<void(Result<std::vector<runtime::FoundPod>>)> done);

/// The snapshots of one pod, or (empty) of all: the key of each, and its labels.
struct FoundSnapshot {
  std::string key;
  std::map<std::string, std::string> labels;
};
void find_snapshots(Services& services, const std::string& pod,
                    std::function<void(Result<std::vector<FoundSnapshot>>)> done);

}  // namespace gantry::containerd
