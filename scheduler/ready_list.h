#pragma once

// Runs that are equally urgent, in the order in which they became ready: a ring that grows. One thread.

#include <cstddef>
#include <memory>

#include "scheduler/run.h"

namespace gantry::scheduler {

class ReadyList {
 public:
  [[nodiscard]] bool empty() const { return head_ == tail_; }
  /// Runs, not tasks.
  [[nodiscard]] Index size() const { return tail_ - head_; }
  // It must not be empty.
  [[nodiscard]] ReadyRun& front() { return runs_[head_ & mask_]; }
  [[nodiscard]] ReadyRun& back() { return runs_[(tail_ - 1) & mask_]; }
  /// One that comes after `ahead` others; or the last one there is; or the one that was taken last. At least one was in it.
  [[nodiscard]] const ReadyRun& look_ahead(Index ahead) const {
    return runs_[(size() > ahead ? head_ + ahead : tail_ - 1) & mask_];
  }

  void push_back(const ReadyRun& run) {
    reserve(1);
    runs_[tail_++ & mask_] = run;
  }
  void push_front(const ReadyRun& run) {
    reserve(1);
    runs_[--head_ & mask_] = run;
  }
  void pop_front() { ++head_; }
  void pop_back() { --tail_; }
  /// Those of `count` tasks, which stand from position `first` on, for which `is_ready(task)` says so. Without a branch: whether one
  /// becomes ready is nothing a processor could guess.
  template <class IsReady>
  void push_back_some(Frame* frame, Index first, const Index* tasks, Index count, IsReady&& is_ready) {
    reserve(count);
    ReadyRun* const runs = runs_.get();
    const Index mask = mask_;
    Index tail = tail_;
    for (Index i = 0; i != count; ++i) {
      runs[tail & mask] = {frame, first + i, 1};
      tail += is_ready(tasks[i]) ? 1 : 0;
    }
    tail_ = tail;
  }

  [[nodiscard]] std::size_t bytes() const { return capacity_ * sizeof(ReadyRun); }

 private:
  void reserve(Index count) {
    if (capacity_ - size() < count) grow(count);
  }
  void grow(Index count);

  std::unique_ptr<ReadyRun[]> runs_;
  Index capacity_ = 0;  ///< a power of two
  Index mask_ = 0;
  Index head_ = 0, tail_ = 0;  ///< count on and on
};

}  // namespace gantry::scheduler
