#include "scheduler/pace.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace gantry::scheduler {

void Pace::begin(Nanoseconds now, bool has_others) {
  window_ = has_others ? kWindow : std::numeric_limits<unsigned>::max();
  left_in_window_ = kWindow;
  left_ = 1;
  judge(!has_others);
  window_began_.store(now, std::memory_order_relaxed);
  at_work_.store(true, std::memory_order_relaxed);
}

void Pace::end(Nanoseconds now) {
  const Nanoseconds tasks = kWindow - left_in_window_;
  if (!is_fast_ && tasks > 0) measure(now - window_began_.load(std::memory_order_relaxed), tasks);
  at_work_.store(false, std::memory_order_relaxed);
}

bool Pace::end_window(Nanoseconds now, bool shared) {
  // When it is asked before its time it is not known how many tasks there were, but that they took long.
  const Nanoseconds took = now - window_began_.load(std::memory_order_relaxed);
  const bool fast = took < (shared ? kWorthSharingOn : kWorthSharing) * kWindow;
  begin_window(now, took);
  if (is_fast_ && !fast && !std::exchange(doubts_, true)) {
    window_ = kWindow;
    return false;
  }
  doubts_ = false;
  judge(fast);
  measure(took, kWindow);
  left_in_window_ = kWindow;
  return true;
}

bool Pace::stays_fast(Nanoseconds now) {
  const Nanoseconds took = now - window_began_.load(std::memory_order_relaxed);
  if (!is_fast_ || took >= kWorthSharing * kWindow) return false;
  doubts_ = false;
  begin_window(now, took);
  left_ = window_;
  return true;
}

void Pace::begin_window(Nanoseconds now, Nanoseconds took) {
  window_began_.store(now, std::memory_order_relaxed);
  window_ = took > kLook ? std::max(window_ / 2, kWindow) : std::min(window_ * 2, kLongWindow);
}

void Pace::measure(Nanoseconds took, Nanoseconds tasks) {
  soon_ = static_cast<std::size_t>(std::clamp<Nanoseconds>(kSoon * tasks / std::max<Nanoseconds>(took, 1), 1, kMostSoon));
}

void Pace::judge(bool fast) {
  is_fast_ = fast;
  looks_fast_.store(fast, std::memory_order_relaxed);
}

}  // namespace gantry::scheduler
