#include "runtime/shim/event_queue.h"

#include <algorithm>

namespace gantry::shim {
namespace {

constexpr Duration kFirstPause{20}, kLongestPause{1000};
constexpr int kMostRefusals = 5;

}  // namespace

void EventQueue::sent() {
  events_.pop_front();
  pause_ = {};
  refusals_ = 0;
}

Duration EventQueue::unreachable() { return pause(); }

Duration EventQueue::refused() {
  if (++refusals_ < kMostRefusals) return pause();
  sent();
  return {};
}

Duration EventQueue::pause() {
  pause_ = std::clamp(pause_ * 2, kFirstPause, kLongestPause);
  return pause_;
}

}  // namespace gantry::shim
