#pragma once

// How long the tasks of a worker take, as it measures a window of them at a time: whether it is worth to share them, when it
// looks after the others, and what it will have done soon.
//
// Times are nanoseconds of a clock that only goes forward. The atomics are relaxed: a wrong guess costs time only.

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace gantry::scheduler {

class Pace {
 public:
  using Nanoseconds = std::int64_t;
  static constexpr std::size_t kMostSoon = 32;

  // The worker's thread.

  /// Work begins. It is not known how long its tasks take, so whoever wants to help may; but a worker without others looks after
  /// nobody.
  void begin(Nanoseconds now, bool has_others);
  /// There is nothing to do: what is known of the tasks so far counts.
  void end(Nanoseconds now);
  /// Counts a task, unless the worker has to look after the others before it.
  bool goes_on() {
    if (left_ <= 1) return false;
    --left_;
    return true;
  }
  void look_at_once() { left_ = 1; }
  /// It has looked: the next time after a window of fast tasks, or after one slow task.
  void has_looked() { left_ = is_fast_ ? window_ : 1; }

  /// Whether the window is over when the worker looks: that of fast tasks always is.
  bool counts_window() { return is_fast_ || --left_in_window_ == 0; }
  /// At the end of a window. `shared`: others work on the same frames. False when the tasks took long for the first time, which is no
  /// proof: it may have been interrupted.
  bool end_window(Nanoseconds now, bool shared);
  /// The same where the tasks are fast and stay so; otherwise false, and nothing was done.
  bool stays_fast(Nanoseconds now);

  [[nodiscard]] bool is_fast() const { return is_fast_; }
  /// Tasks that take about kSoon, at most kMostSoon; 1: they take longer, or it is not known.
  [[nodiscard]] std::size_t soon() const { return soon_; }

  // Any thread.

  [[nodiscard]] bool is_at_work() const { return at_work_.load(std::memory_order_relaxed); }
  [[nodiscard]] bool looks_fast() const { return looks_fast_.load(std::memory_order_relaxed); }
  /// So slow that it is worth to take from it; or inside of a long task.
  [[nodiscard]] bool may_be_slow(Nanoseconds now) const {
    return !looks_fast() || now - window_began_.load(std::memory_order_relaxed) >= kWorthSharing * kWindow;
  }

  static constexpr unsigned kWindow = 64, kLongWindow = 4096;  ///< tasks in a window; more while they are fast
  static constexpr Nanoseconds kLook = 8'000;                  ///< that a window of fast tasks is made to take
  static constexpr Nanoseconds kWorthSharing = 300;    ///< a task, when one worker does them
  static constexpr Nanoseconds kWorthSharingOn = 600;  ///< a task, when several do, and wait for each other's cache lines
  static constexpr Nanoseconds kSoon = 16'000;

 private:
  void begin_window(Nanoseconds now, Nanoseconds took);
  void measure(Nanoseconds took, Nanoseconds tasks);
  void judge(bool fast);

  unsigned left_ = 1;                  ///< tasks until it looks after the others
  unsigned window_ = kWindow;          ///< tasks, while they are fast
  unsigned left_in_window_ = kWindow;  ///< while they are slow
  bool is_fast_ = true;                ///< its tasks took less than kWorthSharing in the last window
  bool doubts_ = false;                ///< they took more, but only once
  std::size_t soon_ = 1;

  // What others judge it by, on a line of its own.
  alignas(64) std::atomic<Nanoseconds> window_began_{0};
  std::atomic<bool> looks_fast_{false};
  std::atomic<bool> at_work_{false};
};

}  // namespace gantry::scheduler
