#pragma once

// An Executor for tests: tasks wait in a queue until the test runs them; workers run at once;
// timers fire when asked.

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <utility>
#include <vector>

#include "base/executor.h"

namespace gantry {

class QueueExecutor : public Executor {
 public:
  void post(std::function<void()> task) override {
    {
      std::lock_guard lock(mutex_);
      tasks_.push_back(std::move(task));
    }
    arrived_.notify_one();
  }
  void offload(std::function<void()> work, std::function<void()> done) override {
    work();
    post(std::move(done));
  }
  void after(Duration delay, std::function<void()> task) override {
    timers.emplace_back(delay, std::move(task));
  }

  /// Runs one task; waits up to ten seconds for it. False when none came.
  bool run_one() {
    std::function<void()> task;
    {
      std::unique_lock lock(mutex_);
      if (!arrived_.wait_for(lock, std::chrono::seconds(10), [&] { return !tasks_.empty(); })) {
        return false;
      }
      task = std::move(tasks_.front());
      tasks_.pop_front();
    }
    task();
    return true;
  }
  bool run_until(const std::function<bool()>& true_now) {
    while (!true_now()) {
      if (!run_one()) return false;
    }
    return true;
  }
  /// Runs what is there, and what that posts.
  void drain() {
    while (true) {
      {
        std::lock_guard lock(mutex_);
        if (tasks_.empty()) return;
      }
      run_one();
    }
  }
  /// Fires every timer that was set so far.
  void fire_timers() {
    auto due = std::exchange(timers, {});
    for (auto& [delay, task] : due) task();
  }

  std::vector<std::pair<Duration, std::function<void()>>> timers;

 private:
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<std::function<void()>> tasks_;
};

}  // namespace gantry
