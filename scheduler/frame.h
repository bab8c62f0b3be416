#pragma once

// One instance of a compiled graph while it runs: for each task a count of unfinished dependencies and a state, and
// the links of the ready list, in one allocation (9 bytes a task beside the header).

#include <atomic>
#include <cstdint>
#include <span>

#include "workflow/plan.h"

namespace gantry::scheduler {

using workflow::Graph;
using workflow::Index;
using workflow::kNone;

enum class TaskState : std::uint8_t {
  Waiting,  ///< Some dependency is not fulfilled.
  Ready,    ///< In the ready list, not taken yet.
  Taken,    ///< Given out by next().
  Done,     ///< complete() was called for it.
};

/// Owned by the scheduler from open() to close(). Opaque to everybody else but for the accessors.
///
/// Order of the atomics:
///  * `pending` is decremented with acq_rel: whoever makes it zero has seen everything that was written before the
///    completion of every other dependency (the releases of a modification order form one release sequence).
///  * `ready_head` is pushed with release and taken with acquire (an exchange by the one consumer), which publishes
///    the links `next_ready`. A push never reads what it replaces, so there is no ABA problem.
///  * `state` only guards against a task that is completed twice; it publishes nothing.
class Frame {
 public:
  static Frame* create(const Graph& graph, std::int32_t priority, std::uint64_t sequence, void* owner);
  static void destroy(Frame* frame);
  Frame(const Frame&) = delete;
  Frame& operator=(const Frame&) = delete;

  [[nodiscard]] const Graph& graph() const { return *graph_; }
  [[nodiscard]] void* owner() const { return owner_; }
  [[nodiscard]] TaskState state(Index task) const { return state_[task].load(std::memory_order_relaxed); }
  /// Tasks that complete() was not called for yet. Exact only while no other thread completes tasks of this frame.
  [[nodiscard]] Index unfinished() const { return unfinished_.load(std::memory_order_acquire); }

 private:
  friend class Scheduler;
  Frame(const Graph& graph, std::int32_t priority, std::uint64_t sequence, void* owner);
  ~Frame() = default;

  const Graph* graph_;
  void* owner_;
  std::atomic<Frame*> next_inbox_{nullptr};  ///< link of the scheduler's inbox; written only by who pushes the frame
  std::uint64_t sequence_;                   ///< order of opening: the last word between equals
  std::int32_t priority_;
  std::atomic<Index> unfinished_;
  std::atomic<Index> ready_head_{kNone};     ///< newest ready task that next() has not seen; kNone: empty
  std::uint32_t in_heap_ = 0;                ///< consumer only: entries of this frame in the heap
  bool closed_ = false;                      ///< consumer only
  // The arrays follow the object in the same allocation.
  std::atomic<Index>* pending_;
  Index* next_ready_;
  std::atomic<TaskState>* state_;
};

}  // namespace gantry::scheduler
