#pragma once

// The first header of the room: what is ready now.
//
//   open(graph) ── roots ──► ready list ──► next() ──► the engine does the task's work ──► complete(task)
//                                ▲                                                            │
//                                └──── successors whose last dependency this was ◄────────────┘
//
// The scheduler counts; it does not judge. A task comes out of next() once all the tasks it depends on are complete;
// whether it then runs, is skipped or omitted, and whether the frame goes on at all, the engine decides.
//
// complete() may be called by any thread and takes no lock: it decrements the counters of the successors and pushes
// those that became ready on a list of the frame; the push that finds that list empty also pushes the frame on the
// scheduler's inbox. All the rest belongs to one thread, the consumer: it drains the inbox into a heap of its own,
// ordered by priority, then critical path (tasks on the longest way to the end), then order of opening.

#include <atomic>
#include <cstdint>
#include <optional>
#include <vector>

#include "scheduler/frame.h"

namespace gantry::scheduler {

struct Ready {
  Frame* frame;
  Index task;
};

class Scheduler {
 public:
  Scheduler() = default;
  ~Scheduler();
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  /// Starts an instance of `graph`, which must outlive it; its roots are ready. Higher `priority` comes first.
  /// `owner` is the caller's, handed back by Frame::owner(). Consumer thread.
  Frame* open(const Graph& graph, std::int32_t priority, void* owner);

  /// Says that `task` is fulfilled, in whatever way. A second call for the same task does nothing. Any thread; the
  /// frame must be open. Returns true when this was the last task of the frame.
  bool complete(Frame* frame, Index task);

  /// The most urgent ready task, or nothing. Consumer thread.
  std::optional<Ready> next();

  /// Ends an instance: its ready tasks are forgotten. No other thread may use it any more. Consumer thread.
  void close(Frame* frame);

 private:
  struct Entry {
    std::int32_t priority;
    Index height;
    std::uint64_t sequence;  ///< of the frame
    std::uint64_t order;     ///< of becoming ready
    Frame* frame;
    Index task;
  };
  static bool less_urgent(const Entry& a, const Entry& b);
  void push_ready(Frame* frame, Index task);
  void drain_inbox();
  void drain_frame(Frame* frame);
  static void release(Frame* frame);

  std::atomic<Frame*> inbox_{nullptr};
  std::vector<Entry> heap_;
  std::vector<Frame*> drained_;  ///< scratch of drain_inbox
  std::uint64_t next_sequence_ = 0;
  std::uint64_t next_order_ = 0;
};

}  // namespace gantry::scheduler
