#pragma once

// Tries all interleavings of a few small threads: each operation on a Checked atomic is a step, and after each step every
// thread that can go on is tried. The code under test is the real one, with Checked in the place of std::atomic.
//
// What is explored are sequentially consistent interleavings. That the memory orders suffice is argued in the headers of
// scheduler/ and watched by ThreadSanitizer in the stress tests.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace gantry::model {

class Explorer {
 public:
  using Thread = std::function<void()>;
  /// Makes the threads of one execution, with fresh state. `check` of that execution runs when all have ended.
  struct Execution {
    std::vector<Thread> threads;
    std::function<void()> check;
  };

  /// Executions that were tried, each different; stops at the first that fails.
  struct Outcome {
    std::uint64_t executions = 0;
    std::string failure;             ///< empty: none failed
    std::vector<unsigned> schedule;  ///< of the failure: which thread made each step
  };
  /// `preemptions`: executions that take a thread's turn away more often than that are left out; most faults need one or two.
  static Outcome explore(const std::function<Execution()>& make, unsigned preemptions = kAll);
  static constexpr unsigned kAll = 1000;

  // ---- for the threads ----

  /// Ends the step: anybody may be next. Outside of an execution it does nothing.
  static void step();
  /// Ends the step; goes on when `may` says so. An execution in which nobody can go on fails.
  static void wait(const std::function<bool()>& may);
  /// Fails the execution.
  static void require(bool condition, const char* what);
};

/// As much of std::atomic as the scheduler uses. Every order is the strongest.
template <class T>
class Checked {
 public:
  Checked() = default;
  Checked(T value) : value_(value) {}  // NOLINT: as std::atomic
  Checked(const Checked&) = delete;
  Checked& operator=(const Checked&) = delete;

  T load(std::memory_order) const { return Explorer::step(), value_; }
  void store(T value, std::memory_order) { Explorer::step(), value_ = value; }
  T exchange(T value, std::memory_order) {
    Explorer::step();
    T old = value_;
    value_ = value;
    return old;
  }
  T fetch_add(T by, std::memory_order) { return Explorer::step(), add(by); }
  T fetch_sub(T by, std::memory_order) { return Explorer::step(), add(static_cast<T>(0 - by)); }
  bool compare_exchange_weak(T& expected, T value, std::memory_order, std::memory_order) {
    Explorer::step();
    if (value_ == expected) return value_ = value, true;
    expected = value_;
    return false;
  }

 private:
  T add(T by) {
    T old = value_;
    value_ = old + by;
    return old;
  }
  T value_{};
};

}  // namespace gantry::model
