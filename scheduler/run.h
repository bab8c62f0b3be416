#pragma once

#include <cstdint>

#include "scheduler/frame.h"

namespace gantry::scheduler {

/// Ready tasks of one frame that are equally urgent and stand side by side in the topology's rows of successors: a fan of
/// a million tasks is one run of 32 bytes.
struct ReadyRun {
  Frame* frame = nullptr;
  const Index* first = nullptr;  ///< into Topology::successors
  const Index* end = nullptr;
  Urgency urgency = 0;

  [[nodiscard]] bool empty() const { return first == end; }
  [[nodiscard]] Index size() const { return static_cast<Index>(end - first); }
};

}  // namespace gantry::scheduler
