#pragma once

#include <deque>
#include <functional>
#include <utility>

namespace gantry::containerd {

/// Lets at most `limit` things happen at a time, first come, first served. One thread.
class Gate {
 public:
  explicit Gate(int limit) : limit_(limit) {}

  /// Runs `work` now or when it is its turn; whoever ran calls leave() once.
  void enter(std::function<void()> work) {
    if (inside_ >= limit_) {
      waiting_.push_back(std::move(work));
      return;
    }
    ++inside_;
    work();
  }

  void leave() {
    --inside_;
    if (waiting_.empty() || inside_ >= limit_) return;
    auto next = std::move(waiting_.front());
    waiting_.pop_front();
    ++inside_;
    next();
  }

 private:
  const int limit_;
  int inside_ = 0;
  std::deque<std::function<void()>> waiting_;
};

}  // namespace gantry::containerd
