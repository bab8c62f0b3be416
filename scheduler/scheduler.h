#pragma once

// The first header of the room: what is ready now.
//
//   open(topology) ── roots ──► ready ──► Worker::next() ──► the caller does the task's work ──► complete(task)
//                                 ▲                                                                  │
//                                 └──── successors whose last dependency this was ◄──────────────────┘
//
// The scheduler counts; it does not judge. A task comes out of next() once all the tasks it depends on are complete;
// whether it then runs, is skipped or omitted, and whether the frame goes on at all, the caller decides.
//
//   topology.h   (workflow) which task waits for which      frame.h, countdown.h   one instance of it while it runs
//   worker.h     one thread's ready tasks, in order         ready_queue.h, ready_list.h    that order
//   handover.h, loans.h, sleepers.h   between threads                pace.h      whether it is worth to share
//   admission.h  who may start on this host
//
// gantryd has one worker, its loop: the order is then exact, priority before critical path before becoming ready. With
// several workers each of them keeps that order among its own tasks. Nobody ever waits for a lock.

#include <memory>
#include <span>
#include <vector>

#include "scheduler/sleepers.h"
#include "scheduler/worker.h"

namespace gantry::scheduler {

class Scheduler {
 public:
  explicit Scheduler(unsigned workers = 1, Order order = Order::Urgent);
  ~Scheduler();
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  /// Each worker is used by one thread at a time.
  [[nodiscard]] Worker& worker(unsigned number = 0) { return *workers_[number]; }

  /// As Worker::complete(), for a thread that has no worker, or another one: the worker that opened the frame counts it when
  /// it asks for what is next, and then knows whether the frame is done (Frame::is_done, Worker::take_done). Any thread; the
  /// frame must be open.
  void complete(Frame* frame, Index task);

  /// Lets Worker::work() return in all workers. Any thread.
  void stop();

 private:
  friend class Worker;
  [[nodiscard]] std::span<const std::unique_ptr<Worker>> workers() const { return workers_; }
  [[nodiscard]] unsigned processors() const { return processors_; }
  /// For what a certain one of them has to do.
  void wake_all() {
    sleepers_.wake_all();
    aside_.wake_all();
  }

  const unsigned processors_;
  std::vector<std::unique_ptr<Worker>> workers_;
  Sleepers sleepers_;
  Sleepers aside_;  ///< of workers that were in the way, which no offer wakes
  // On a line that seldom changes: it is read after each shared task.
  /// Workers that have nothing to do and look for it, but for those in aside_. Relaxed: a guess, which costs time only.
  alignas(64) std::atomic<unsigned> idle_{0};
  std::atomic<bool> stopped_{false};  ///< relaxed: it publishes nothing
};

inline bool Worker::somebody_waits() const { return scheduler_.idle_.load(std::memory_order_relaxed) != 0; }

}  // namespace gantry::scheduler
