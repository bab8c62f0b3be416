#pragma once

// The two ways in which pointers pass from one thread to another. All or nothing is taken, by an exchange, so there is no
// ABA problem and nobody waits for anybody.
//
// `Atomic` is another one only in tests/model, which tries all interleavings.

#include <atomic>

namespace gantry::scheduler {

/// A place for one pointer. One thread puts; any thread takes, and exactly one gets it.
template <class T, template <class> class Atomic = std::atomic>
class Slot {
 public:
  /// Only a hint for any thread but the one that puts: for that, false is certain.
  [[nodiscard]] bool looks_full() const { return place_.load(std::memory_order_relaxed) != nullptr; }
  /// Not while it looks full. Release: pairs with take(); what the pointer points to is seen by who takes it.
  void put(T* pointer) { place_.store(pointer, std::memory_order_release); }
  /// The pointer, which is now the caller's; or null.
  T* take() {
    if (!looks_full()) return nullptr;
    return place_.exchange(nullptr, std::memory_order_acquire);
  }

 private:
  Atomic<T*> place_{nullptr};
};

/// Any thread pushes, any thread takes all. T has a member `T* next`.
template <class T, template <class> class Atomic = std::atomic>
class Stack {
 public:
  [[nodiscard]] bool looks_empty() const { return head_.load(std::memory_order_relaxed) == nullptr; }
  /// Release: pairs with take_all(). A push only adds a link in front of what it saw and never follows it, so it does not
  /// matter what became of that in the meantime. Pushes of others that stand below keep their release by being read
  /// from the same sequence of read-modify-writes.
  void push(T* node) {
    T* head = head_.load(std::memory_order_relaxed);
    do {
      node->next = head;
    } while (!head_.compare_exchange_weak(head, node, std::memory_order_release, std::memory_order_relaxed));
  }
  /// What was pushed, linked by `next`, the newest first; or null.
  T* take_all() {
    if (looks_empty()) return nullptr;
    return head_.exchange(nullptr, std::memory_order_acquire);
  }

 private:
  Atomic<T*> head_{nullptr};
};

}  // namespace gantry::scheduler
