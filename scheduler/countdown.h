#pragma once

// How many dependencies of a task are not complete yet. 4 bytes; any thread.

#include <atomic>
#include <cstdint>

namespace gantry::scheduler {

/// `Atomic` is another one only in tests/model, which tries all interleavings.
///
/// Each of the dependencies calls arrive() or arrive_alone() once, or one of them for several; exactly one of the calls returns
/// true, and it is the last one.
///
///  * arrive() releases, so that what was done before it is seen by whoever gets true: the decrements of a counter are one
///    release sequence, and the last caller acquires its end, either by the acquire of its own decrement or by the load.
///  * Who loads what it brings itself is the last: all others have decremented already, and nobody else will. It needs no
///    locked instruction.
///  * arrive_alone() is for times when one thread has the whole frame to itself (Frame): relaxed, and never locked. What
///    hands the frame to others, or back, is what publishes it (handover.h).
template <template <class> class Atomic = std::atomic>
class BasicCountdown {
 public:
  explicit BasicCountdown(std::uint32_t dependencies) : left_(dependencies) {}

  bool arrive(std::uint32_t dependencies = 1) {
    if (left_.load(std::memory_order_acquire) == dependencies) return true;
    return left_.fetch_sub(dependencies, std::memory_order_acq_rel) == dependencies;
  }

  bool arrive_alone(std::uint32_t dependencies = 1) {
    const std::uint32_t left = left_.load(std::memory_order_relaxed) - dependencies;
    left_.store(left, std::memory_order_relaxed);
    return left == 0;
  }

  /// Marks the task as complete; false when it was before. One thread at a time: who was given the task. Relaxed: it
  /// guards against a caller that completes twice, and publishes nothing. Tasks that are fulfilled at once (Worker::work) are
  /// not marked: it would move one more cache line between two workers.
  bool complete() {
    if (left_.load(std::memory_order_relaxed) == kComplete) return false;
    left_.store(kComplete, std::memory_order_relaxed);
    return true;
  }

 private:
  static constexpr std::uint32_t kComplete = 0xffffffffu;
  Atomic<std::uint32_t> left_;
};

using Countdown = BasicCountdown<>;
static_assert(sizeof(Countdown) == 4 && std::atomic<std::uint32_t>::is_always_lock_free);

}  // namespace gantry::scheduler
