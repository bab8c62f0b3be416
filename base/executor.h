#pragma once

// How a room without a loop of its own gets work done: on the loop, or on a worker. The daemon implements it on
// libuv; tests implement it with a plain queue.

#include <functional>

#include "base/clock.h"

namespace gantry {

class Executor {
 public:
  virtual ~Executor() = default;

  /// Runs `task` on the loop thread, after what was posted before. Any thread.
  virtual void post(std::function<void()> task) = 0;

  /// Runs `work` on a worker thread, then `done` on the loop thread. Loop thread only.
  virtual void offload(std::function<void()> work, std::function<void()> done) = 0;

  /// Runs `task` on the loop thread once `delay` has passed. Loop thread only. There is no cancel: a task checks
  /// whether it is still wanted.
  virtual void after(Duration delay, std::function<void()> task) = 0;
};

}  // namespace gantry
