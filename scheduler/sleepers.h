#pragma once

// Where workers sleep that have nothing to do.
//
//   sleeper: ticket = prepare();  look once more for work;  sleep(ticket) or cancel()
//   waker:   make work visible;   wake()
//
// No wake-up is lost. Both sides change `sleepers_` with a read-modify-write, so one of them comes first. When it is the
// waker's, the sleeper's acquires it and sees the work when it looks once more. When it is the sleeper's, the waker reads
// that somebody sleeps and moves `turn_` on, which the sleeper has read before: it does not fall asleep, or it is woken.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <limits>

namespace gantry::scheduler {

template <template <class> class Atomic = std::atomic>
class BasicSleepers {
 public:
  using Ticket = std::uint32_t;

  Ticket prepare() {
    const Ticket turn = turn_.load(std::memory_order_acquire);
    sleepers_.fetch_add(1, std::memory_order_acq_rel);
    return turn;
  }
  void cancel() { sleepers_.fetch_sub(1, std::memory_order_relaxed); }

  /// Whether somebody is to be woken by the caller, who then calls the operating system.
  bool call() {
    if (sleepers_.fetch_add(0, std::memory_order_acq_rel) == 0) return false;
    turn_.fetch_add(1, std::memory_order_release);
    return true;
  }
  [[nodiscard]] bool is_called(Ticket ticket) const { return turn_.load(std::memory_order_acquire) != ticket; }

 protected:
  Atomic<std::uint32_t> turn_{0};
  Atomic<std::uint32_t> sleepers_{0};
};

/// With Linux' futex, because std::atomic's wait knows no timeout.
class Sleepers : public BasicSleepers<> {
 public:
  /// Ends what prepare() began. Returns early for any reason.
  void sleep(Ticket ticket, std::chrono::nanoseconds longest);
  /// For work that anybody can do.
  void wake_one() { wake(1); }
  /// For what one of them has to do.
  void wake_all() { wake(std::numeric_limits<int>::max()); }

 private:
  void wake(int how_many);
};

}  // namespace gantry::scheduler
