#pragma once

// An Executor for tests of rooms that need a loop: the test's own thread is the loop while it is in
// run_until().

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "base/executor.h"

namespace gantry::testing {

class TestLoop : public Executor {
 public:
  /// Workers may still post; nothing of that is run.
  ~TestLoop() override { join_workers(); }

  /// Waits for the workers' work, not for what they posted.
  void join_workers() {
    for (auto& worker : workers_) worker.join();
    workers_.clear();
  }

  void post(std::function<void()> task) override {
    std::lock_guard lock(mutex_);
    tasks_.push_back(std::move(task));
    changed_.notify_one();
  }

  void offload(std::function<void()> work, std::function<void()> done) override {
    workers_.emplace_back([this, work = std::move(work), done = std::move(done)]() mutable {
      work();
      work = nullptr;
      post(std::move(done));
    });
  }

  void after(Duration delay, std::function<void()> task) override {
    std::lock_guard lock(mutex_);
    timers_.emplace(Clock::now() + delay, std::move(task));
    changed_.notify_one();
  }

  /// Runs tasks until `ready()` holds; false if it still does not after `timeout`.
  bool run_until(const std::function<bool()>& ready, Duration timeout = std::chrono::seconds(60)) {
    const auto deadline = Clock::now() + timeout;
    while (!ready()) {
      std::function<void()> task;
      {
        std::unique_lock lock(mutex_);
        const auto now = Clock::now();
        if (!timers_.empty() && timers_.begin()->first <= now) {
          tasks_.push_back(std::move(timers_.begin()->second));
          timers_.erase(timers_.begin());
        }
        if (tasks_.empty()) {
          if (now >= deadline) return false;
          auto until = deadline;
          if (!timers_.empty()) until = std::min(until, timers_.begin()->first);
          changed_.wait_until(lock, until);
          continue;
        }
        task = std::move(tasks_.front());
        tasks_.pop_front();
      }
      task();
    }
    return true;
  }

 private:
  using Clock = std::chrono::steady_clock;
  std::mutex mutex_;  // guards tasks_ and timers_
  std::condition_variable changed_;
  std::deque<std::function<void()>> tasks_;
  std::multimap<Clock::time_point, std::function<void()>> timers_;
  std::vector<std::thread> workers_;
};

}  // namespace gantry::testing
