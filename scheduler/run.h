#pragma once

#include "scheduler/frame.h"

namespace gantry::scheduler {

/// Ready tasks of one frame that are equally urgent and stand side by side in the topology's rows of successors: a fan of
/// a million tasks is one run of 16 bytes.
struct ReadyRun {
  Frame* frame;
  Index first;  ///< position in Topology::successors
  Index size;
};

struct Ready {
  Frame* frame;
  Index task;
};

}  // namespace gantry::scheduler
