#pragma once

#include <deque>
#include <functional>
#include <utility>

#include "base/executor.h"

namespace gantry {

/// Work that waits for others (servers, mostly): so much of it at a time, the rest in line, so that there are always
/// workers for what does not wait. Loop thread.
class JobQueue {
 public:
  /// `executor` outlives it; so does it what it has begun.
  JobQueue(Executor& executor, int most) : executor_(executor), most_(most) {}

  void run(std::function<void()> work, std::function<void()> done) {
    waiting_.emplace_back(std::move(work), std::move(done));
    next();
  }

 private:
  void next() {
    while (running_ < most_ && !waiting_.empty()) {
      auto [work, done] = std::move(waiting_.front());
      waiting_.pop_front();
      ++running_;
      executor_.offload(std::move(work), [this, done = std::move(done)] {
        --running_;
        done();
        next();
      });
    }
  }

  Executor& executor_;
  const int most_;
  int running_ = 0;
  std::deque<std::pair<std::function<void()>, std::function<void()>>> waiting_;
};

}  // namespace gantry
