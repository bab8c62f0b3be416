#pragma once

// One instance of a topology while it runs: 4 bytes a task, in one allocation.

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "scheduler/countdown.h"
#include "workflow/topology.h"

namespace gantry::scheduler {

using workflow::Index;
using workflow::kNone;
using workflow::Topology;

/// How urgent a task is: the priority of its frame, then the tasks on the longest way from it to the end of the run.
/// Greater is more urgent.
using Urgency = std::uint64_t;

class Worker;

/// Made by Worker::open(), ended by Worker::close(). The topology must outlive it.
///
/// **One or many.** The worker that opened it has the frame to itself while nothing that it offered is at other workers
/// (loans.h): then counting needs no locked instructions. Who has got a task of a frame that is not its own knows that it is
/// shared, and counts only what it completes at once; all else it leaves to the worker that opened the frame.
///
/// Order of the atomics: the countdown of a task publishes all that was done before the completion of each task it
/// depends on to whoever gets it from Worker::next() (countdown.h). `ends_left_` does the same for whoever completes the
/// last task of the frame: it counts the tasks without successors only, because all others are complete before these.
class Frame {
 public:
  static Frame* create(const Topology& topology, std::int32_t priority, Index height, Worker* worker, void* owner);
  static void destroy(Frame* frame);
  Frame(const Frame&) = delete;
  Frame& operator=(const Frame&) = delete;

  [[nodiscard]] const Topology& topology() const { return *topology_; }
  /// The caller's, as it was given to open(). Never touched.
  [[nodiscard]] void* owner() const { return owner_; }
  /// Whether complete() was called for all tasks. Acquires what was done before those calls.
  [[nodiscard]] bool is_done() const { return ends_left_.load(std::memory_order_acquire) == 0; }
  /// What a frame of this topology takes, in bytes.
  static std::size_t bytes(const Topology& topology);

 private:
  friend class Worker;
  friend class Scheduler;
  Frame(const Topology& topology, std::int32_t priority, Index height, Worker* worker, void* owner);
  ~Frame() = default;

  [[nodiscard]] const Index* at(Index position) const { return successors_ + position; }
  [[nodiscard]] Urgency urgency_of(Index task) const { return urgency_ + heights_[task]; }

  // The topology's arrays, at hand.
  const Index* first_successor_;
  const Index* successors_;
  const Index* heights_;
  Urgency urgency_;  ///< of a task without height
  Countdown* countdowns_;  ///< one for each task, behind the object in the same allocation
  Worker* const worker_;   ///< that opened it
  const Topology* topology_;
  void* owner_;
  std::atomic<Index> ends_left_;
  bool closed_ = false;  ///< the closing worker only
};

}  // namespace gantry::scheduler
