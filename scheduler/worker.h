#pragma once

// One thread's part of the scheduler: what is ready, in order, and no lock or locked instruction on the way but for the
// countdowns that are truly shared.
//
//   complete(task) ── successors whose countdown ends ──► current run / ReadyQueue ──► next()
//                                                                  │ half of it, while the offer is empty
//                                                                  ▼
//                              offer (Slot) ◄── taken by workers that have nothing, or taken back
//   completions by other threads, tasks handed over by other workers ──► inbox (Stack) ──► next()
//
// **Who shares.** A second thread helps only when a task costs more than what two threads lose by working on the same
// countdowns (a cache line moves for about 100 ns). So each worker measures how long its tasks take, a window of them at
// a time, and offers only while they are slow or it does not know yet. Two workers that are both fast are one too many: the
// later one hands its tasks to the earlier. When fast tasks are followed by a slow one, others get their share after it.

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <vector>

#include "scheduler/handover.h"
#include "scheduler/ready_queue.h"

namespace gantry::scheduler {

class Scheduler;

enum class Order : std::uint8_t {
  Urgent,  ///< Most urgent first, equals as they became ready.
  Newest,  ///< What became ready last comes first, because what it needs is at hand; priorities and heights are not read.
};

struct Ready {
  Frame* frame;
  Index task;
};

/// What passes from one thread to another: runs, or one completion.
struct Batch {
  static constexpr Index kMost = 128;
  Batch* next = nullptr;
  Index count = 0;
  std::uint32_t number = 0;       ///< of an offer
  Ready completed{nullptr, kNone};  ///< by a thread that has no worker
  std::unique_ptr<ReadyRun[]> runs;
};

/// One thread calls it, unless it is said otherwise.
class alignas(64) Worker {
 public:
  Worker(Scheduler& scheduler, Order order, bool shares);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  /// Starts an instance of `topology`, which must outlive it; its roots are ready. Higher `priority` comes first. `height`:
  /// tasks on the longest way from the end of this instance to the end of the run. `owner` is the caller's, handed back by
  /// Frame::owner().
  Frame* open(const Topology& topology, std::int32_t priority, Index height, void* owner);

  /// The most urgent ready task of this worker, or nothing when there is none here nor one to be taken elsewhere.
  std::optional<Ready> next() {
    if (!inbox_.looks_empty()) absorb_inbox();
    if (current_.empty() && !refill()) return std::nullopt;
    if (shares_ && !before_task()) return std::nullopt;
    return current_.take();
  }

  /// Says that `task`, which next() gave to somebody, is fulfilled, in whatever way. A second call for the same task does
  /// nothing. Returns true when this was the last task of the frame.
  bool complete(Frame* frame, Index task) {
    if (!frame->countdowns_[task].complete()) return false;
    if (frame->first_successor_[task] == frame->first_successor_[task + 1]) return end_reached(frame);
    for_each_ready(frame, task, [this](const ReadyRun& run) { make_ready(run); });
    return false;
  }

  /// A frame whose last task was completed by a thread that has no worker; null when there is none.
  Frame* take_done();

  /// Ends an instance. One that is not done may be ended only in a scheduler of one worker, when no other thread uses
  /// it; its ready tasks are forgotten.
  void close(Frame* frame);

  /// Takes tasks until Scheduler::stop() is called, and sleeps when there are none. `run(worker, ready)` does the task's
  /// work and returns whether it is fulfilled; if not, somebody calls complete() later. `done(frame)` is called when the
  /// last task of a frame was fulfilled so, or by Scheduler::complete().
  template <class Run, class Done>
  void work(Run&& run, Done&& done) {
    begin_work();
    do {
      std::optional<Ready> ready = next();
      while (ready) ready = run(*this, *ready) ? complete_and_next(*ready, done) : next();
      while (Frame* frame = take_done()) done(frame);
    } while (wait_for_work());
  }

  /// What its queues have taken from the heap, in bytes.
  [[nodiscard]] std::size_t bytes() const { return queue_.bytes(); }

 private:
  friend class Scheduler;
  using Nanoseconds = std::int64_t;

  /// Counts down the successors of `task` and visits those that became ready, side by side as runs.
  template <class Visit>
  void for_each_ready(Frame* frame, Index task, Visit&& visit) {
    const Index* const heights = frame->heights_;
    Countdown* const countdowns = frame->countdowns_;
    const bool alone = has_alone(frame);
    const Index *first = nullptr, *last = nullptr;  // the run so far
    Urgency urgency = 0;
    const Index* const end = frame->at(frame->first_successor_[task + 1]);
    for (const Index* edge = frame->at(frame->first_successor_[task]); edge != end; ++edge) {
      const Index successor = *edge;
      if (!(alone ? countdowns[successor].arrive_alone() : countdowns[successor].arrive())) continue;
      const Urgency its = order_ == Order::Urgent ? frame->urgency_ + heights[successor] : 0;
      if (first == last || edge != last || its != urgency) {
        if (first != last) visit(ReadyRun{frame, first, last, urgency});
        first = edge;
        urgency = its;
      }
      last = edge + 1;
    }
    if (first != last) visit(ReadyRun{frame, first, last, urgency});
  }
  [[nodiscard]] bool has_alone(const Frame* frame) const { return frame->worker_ == this && frame->first_offer_ == 0; }
  bool end_reached(Frame* frame) {
    if (!has_alone(frame)) return frame->ends_left_.fetch_sub(1, std::memory_order_acq_rel) == 1;
    const Index left = frame->ends_left_.load(std::memory_order_relaxed) - 1;
    frame->ends_left_.store(left, std::memory_order_release);  // is_done() may be asked by any thread
    return left == 0;
  }

  /// complete() and next() in one. Where one task leads to one task and nothing else is to be done, as in a chain, it goes
  /// straight on, through no queue.
  template <class Done>
  std::optional<Ready> complete_and_next(Ready ready, Done&& done) {
    Frame* frame = ready.frame;
    if (!frame->countdowns_[ready.task].complete()) return next();
    const Index first = frame->first_successor_[ready.task];
    const Index successors = frame->first_successor_[ready.task + 1] - first;
    if (successors == 0) {
      if (end_reached(frame)) done(frame);
      return next();
    }
    if (successors == 1) {
      const Index successor = frame->successors_[first];
      Countdown& countdown = frame->countdowns_[successor];
      if (!(has_alone(frame) ? countdown.arrive_alone() : countdown.arrive())) return next();
      if (current_.empty() && queue_.empty() && inbox_.looks_empty() && (!shares_ || ++in_window_ < kWindow)) {
        return Ready{frame, successor};
      }
      make_ready({frame, frame->at(first), frame->at(first + 1), order_ == Order::Urgent ? frame->urgency_of(successor) : 0});
      return next();
    }
    for_each_ready(frame, ready.task, [this](const ReadyRun& run) { make_ready(run); });
    return next();
  }

  /// What is current is at least as urgent as all that is queued.
  void make_ready(const ReadyRun& run) {
    if (order_ == Order::Newest) return make_ready_newest(run);
    if (current_.empty() && queue_.empty()) {
      current_.set(run);
    } else if (!current_.empty() && run.urgency > current_.urgency) {
      put_back_current();
      current_.set(run);
    } else {
      queue_.push_back(run);
    }
  }

  void make_ready_newest(const ReadyRun& run) {
    if (current_.at == 0) spill_current();
    ReadyRun& newest = current_.runs[--current_.at];
    newest.frame = run.frame;
    newest.first = run.first;
    newest.end = run.end;
  }

  /// In a scheduler of several workers: offers what others may take, and measures. False when the tasks were handed over.
  bool before_task() {
    if (!is_fast_ && !offer_.looks_full() && (current_.holds_several() || !queue_.empty())) offer();
    return ++in_window_ < kWindow || end_window();
  }

  /// Runs that were taken out of the queue together: all equally urgent, the first one first.
  struct Current {
    static constexpr std::size_t kMost = 16;
    ReadyRun runs[kMost];
    std::size_t at = 0, count = 0;  ///< no run from `at` on is empty
    Urgency urgency = 0;

    [[nodiscard]] bool empty() const { return at == count; }
    [[nodiscard]] bool holds_several() const { return count - at > 1 || (at < count && runs[at].size() > 1); }
    void set(const ReadyRun& run) { runs[0] = run, at = 0, count = 1, urgency = run.urgency; }
    Ready take() {
      ReadyRun& run = runs[at];
      const Index* task = run.first++;
      if (run.first == run.end) ++at;
      return {run.frame, *task};
    }
  };
  void put_back_current();
  void spill_current();

  bool refill();
  void offer();
  bool take_back_offer();
  void absorb(Batch* batch);
  void absorb_inbox();
  Batch* new_batch();
  void recycle(Batch* batch);
  bool end_window();
  void hand_over(Worker& to);
  bool steal();
  void begin_work();
  bool wait_for_work();
  [[nodiscard]] bool may_be_slow(Nanoseconds now) const;
  void judge(bool fast);
  void free_graveyard();

  static constexpr unsigned kWindow = 64;        ///< tasks between two looks at the clock
  static constexpr Nanoseconds kWorthSharing = 300;  ///< a task

  Scheduler& scheduler_;
  const Order order_;
  const bool shares_;  ///< there are other workers
  Current current_;
  ReadyQueue queue_;
  unsigned in_window_ = 0;
  bool is_fast_ = false;         ///< its tasks took less than kWorthSharing in the last window
  std::uint32_t offers_ = 0;     ///< made so far
  Urgency offered_ = 0;          ///< of the most urgent run in the offer; 0: nothing was offered
  std::unique_ptr<Batch> spare_;
  std::vector<Frame*> done_;       ///< see take_done()
  std::vector<Frame*> graveyard_;  ///< closed frames that runs in the queue may belong to
  std::chrono::nanoseconds nap_;

  // What other threads touch, on lines of its own.
  alignas(64) Slot<Batch> offer_;
  Stack<Batch> inbox_;
  // What other workers judge it by. Relaxed: a wrong guess costs time only.
  alignas(64) std::atomic<Nanoseconds> window_began_{0};
  std::atomic<bool> looks_fast_{false};
  std::atomic<bool> has_work_{false};
};

}  // namespace gantry::scheduler
