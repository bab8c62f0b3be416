#pragma once

// One thread's part of the scheduler: what is ready, in order, and no lock or locked instruction on the way but for the
// countdowns that are truly shared.
//
//   complete(task) ── successors whose countdown ends ──► ReadyQueue ──► next()
//                                                             │ half of it, while the offer is empty
//                                                             ▼
//                              offer (Slot) ◄── taken by workers that have nothing, or taken back
//   completions by other threads, tasks handed over by other workers ──► inbox (Stack) ──► next()
//
// **Who shares.** A second thread helps only when a task costs more than what two threads lose by working on the same
// countdowns (a cache line moves for about 100 ns). So each worker measures how long its tasks take (pace.h), and offers
// only while they are slow or it does not know yet. Two workers that are both fast are one too many: the later one hands its
// tasks to the earlier. When fast tasks are followed by a slow one, others ask for their share, by an empty batch.
// A worker above the number of processors that was put off its processor is one too many, too.
//
// **When it is counted.** Fast tasks at once. While tasks are shared, their countdowns are written by several threads, so a
// worker collects what it has completed, for Pace::kSoon at most, and counts it together: then the cache lines come all at once, and
// not for each task. It does so only as long as it has tasks itself and no other worker is idle: as long as nobody waits for it.

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "scheduler/handover.h"
#include "scheduler/loans.h"
#include "scheduler/pace.h"
#include "scheduler/ready_queue.h"

namespace gantry::scheduler {

class Scheduler;

enum class Order : std::uint8_t {
  Urgent,   ///< Most urgent first, equals as they became ready.
  Arrival,  ///< As they became ready, but what follows in the topology follows at once; priorities and heights are not read.
};

/// What passes from one thread to another: runs, or one completion; or nothing, which asks for a share.
struct Batch {
  static constexpr Index kMost = 128;
  Batch* next = nullptr;
  Index count = 0;
  Worker* lender = nullptr;         ///< whose loan it is; null: of a batch that goes home
  bool foreign = false;             ///< it holds frames that the lender did not open
  Urgency urgency = 0;              ///< of all runs
  Ready completed{nullptr, kNone};  ///< by a thread that has no worker, or is not the frame's
  std::unique_ptr<ReadyRun[]> runs;
};

/// One thread calls it, unless it is said otherwise.
class alignas(64) Worker {
 public:
  /// `number`: of this one among the workers of the scheduler. `extra`: there is no processor for it alone.
  Worker(Scheduler& scheduler, Order order, bool shares, unsigned number, bool extra);
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
    return next_here();
  }

  /// Says that `task`, which next() gave to somebody, is fulfilled, in whatever way. A second call for the same task does
  /// nothing. Returns true when this was the last task of the frame. Of a frame that another worker opened it is that one who
  /// counts it, and learns whether it was the last (Scheduler::complete).
  bool complete(Frame* frame, Index task) {
    if (frame->worker_ != this) return leave_to_its_worker(frame, task);
    if (!frame->countdowns_[task].complete()) return false;
    return count(frame, task);
  }

  /// A frame whose last task was completed by somebody who left the counting to this worker; null when there is none.
  Frame* take_done();

  /// Ends an instance. One that is not done may be ended only in a scheduler of one worker, when no other thread uses
  /// it; its ready tasks are forgotten.
  void close(Frame* frame);

  /// Takes tasks until Scheduler::stop() is called, and sleeps when there are none. `run(worker, ready)` does the task's
  /// work and returns whether it is fulfilled; if not, and only then, somebody calls complete() later. `done(frame)` is called when the
  /// last task of a frame was fulfilled so, or by Scheduler::complete().
  template <class Run, class Done>
  void work(Run&& run, Done&& done) {
    begin_work();
    do {
      std::optional<Ready> ready = next(done);
      while (ready) {
        if (run(*this, *ready)) {
          ready = complete_and_next(*ready, done);
        } else {
          count_collected(done);
          ready = next(done);
        }
        if (!ready && collected_count_ > 0) {
          count_collected(done);
          ready = next(done);
        }
      }
    } while (wait_for_work());
  }

  /// What its queues have taken from the heap, in bytes.
  [[nodiscard]] std::size_t bytes() const { return queue_.bytes(); }

 private:
  friend class Scheduler;
  using Nanoseconds = Pace::Nanoseconds;

  std::optional<Ready> next_here() {
    if (queue_.top().empty() && !refill()) return std::nullopt;
    if (!pace_.goes_on() && !look()) return std::nullopt;
    if (!graveyard_.empty()) return next_open();
    return take<true>();
  }
  template <class Done>
  std::optional<Ready> next(Done& done) {
    if (!inbox_.looks_empty()) {
      absorb_inbox();
      while (Frame* frame = take_done()) done(frame);
    }
    return next_here();
  }
  std::optional<Ready> next_open();
  /// The first of the top list.
  template <bool kFetches>
  Ready take() {
    ReadyList& list = queue_.top();
    ReadyRun& run = list.front();
    const Ready ready{run.frame, run.frame->successors_[run.first]};
    if (run.size > 1) {
      ++run.first;
      --run.size;
      return ready;
    }
    list.pop_front();
    if constexpr (kFetches) {
      fetch_row_index(list.look_ahead(2 * kAhead));
      fetch_row(list.look_ahead(kAhead));
    }
    return ready;
  }
  // What comes after a later task in the topology comes near before it is needed: equals follow each other in any order.
  static void fetch_row_index(const ReadyRun& run) {
    __builtin_prefetch(&run.frame->first_successor_[run.frame->successors_[run.first]]);
  }
  static void fetch_row(const ReadyRun& run) {
    const Frame* frame = run.frame;
    __builtin_prefetch(frame->at(frame->first_successor_[frame->successors_[run.first]]));
  }
  static constexpr Index kAhead = 8;

  /// Counts what `task` was needed for. True when it was the last one of the frame.
  bool count(Frame* frame, Index task) {
    const Index first = frame->first_successor_[task];
    const Index successors = frame->first_successor_[task + 1] - first;
    if (successors == 0) return end_reached(frame);
    count_successors(frame, first, successors);
    return false;
  }
  bool arrive(Frame* frame, Index task, std::uint32_t dependencies = 1) {
    Countdown& countdown = frame->countdowns_[task];
    return has_alone(frame) ? countdown.arrive_alone(dependencies) : countdown.arrive(dependencies);
  }
  void count_successors(Frame* frame, Index first, Index count) {
    if (count > kAtOnce || !count_equals(frame, first, count)) count_any(frame, first, count);
  }
  /// Counts down successors; those that become ready are queued, side by side as runs.
  void count_any(Frame* frame, Index first, Index count) {
    ReadyRun run{frame, first, 0};
    Urgency urgency = 0;
    for (Index at = first; at != first + count; ++at) {
      const Index successor = frame->successors_[at];
      if (!arrive(frame, successor)) continue;
      const Urgency its = urgency_of(frame, successor);
      if (at != run.first + run.size || its != urgency) {
        if (run.size != 0) queue_.push_back(run, urgency);
        run.first = at;
        run.size = 0;
      }
      urgency = its;
      ++run.size;
    }
    if (run.size != 0) queue_.push_back(run, urgency);
  }
  /// The same for a few that are equally urgent, as the one that was queued last. False, and nothing is done, when it is not so.
  bool count_equals(Frame* frame, Index first, Index count) {
    const Index* const successors = frame->at(first);
    if (order_ == Order::Urgent) {
      Index differ = 0;
      for (Index i = 1; i < count; ++i) differ |= frame->heights_[successors[i]] ^ frame->heights_[successors[0]];
      if (differ != 0) return false;
    }
    ReadyList* const list = queue_.latest(urgency_of(frame, successors[0]));
    if (list == nullptr) return false;
    Countdown* const countdowns = frame->countdowns_;
    if (has_alone(frame)) {
      list->push_back_some(frame, first, successors, count, [=](Index task) { return countdowns[task].arrive_alone(); });
    } else {
      list->push_back_some(frame, first, successors, count, [=](Index task) { return countdowns[task].arrive(); });
    }
    return true;
  }
  static constexpr Index kAtOnce = 16;
  [[nodiscard]] Urgency urgency_of(const Frame* frame, Index task) const {
    return order_ == Order::Urgent ? frame->urgency_of(task) : 0;
  }

  /// What the counting of a task will touch comes near: others have written it.
  static void fetch_countdowns(Ready ready) {
    const Frame* frame = ready.frame;
    const Index* const edges = frame->at(frame->first_successor_[ready.task]);
    const Index count = std::min(frame->first_successor_[ready.task + 1] - frame->first_successor_[ready.task], kAtOnce);
    for (Index i = 0; i < count; ++i) fetch_to_write(&frame->countdowns_[edges[i]]);
  }
  static void fetch_to_write(const void* line) {
#ifdef __x86_64__
    asm volatile("prefetchw %0" : : "m"(*static_cast<const char*>(line)));  // the builtin fetches it to be read
#else
    __builtin_prefetch(line, 1);
#endif
  }
  [[nodiscard]] bool has_alone(const Frame* frame) const { return frame->worker_ == this && alone_; }
  bool end_reached(Frame* frame) {
    if (!has_alone(frame)) return frame->ends_left_.fetch_sub(1, std::memory_order_acq_rel) == 1;
    const Index left = frame->ends_left_.load(std::memory_order_relaxed) - 1;
    frame->ends_left_.store(left, std::memory_order_release);  // is_done() may be asked by any thread
    return left == 0;
  }

  /// complete() and next() in one. Where one task leads to one task and nothing else is to be done, as in a chain, it goes
  /// straight on, through no queue; without priorities also from one task to the next in the topology, as in a row of a grid:
  /// what it needs is at hand.
  template <class Done>
  std::optional<Ready> complete_and_next(Ready ready, Done&& done) {
    Frame* frame = ready.frame;
    if (collects_) {
      collected_[collected_count_++] = ready;
      if (collected_count_ >= pace_.soon() || somebody_waits() || queue_.top().empty() || pace_.is_fast()) count_collected(done);
      return next(done);
    }
    const Index first = frame->first_successor_[ready.task];
    const Index successors = frame->first_successor_[ready.task + 1] - first;
    if (successors == 0) {
      if (end_reached(frame)) done(frame);
      return next(done);
    }
    const Index successor = frame->successors_[first];
    if (successors == 1 ? queue_.empty() : order_ == Order::Arrival && successor == ready.task + 1) {
      const bool is_ready = arrive(frame, successor);
      if (successors > 1) count_successors(frame, first + 1, successors - 1);
      if (!is_ready) return next(done);
      if (inbox_.looks_empty() && (pace_.goes_on() || goes_on_alone())) return Ready{frame, successor};
      queue_.push_front({frame, first, 1}, urgency_of(frame, successor));
      return next(done);
    }
    count_successors(frame, first, successors);
    return next(done);
  }

  /// What was collected, in the order in which it was completed.
  template <class Done>
  void count_collected(Done&& done) {
    const std::size_t tasks = std::exchange(collected_count_, 0);
    for (std::size_t i = 0; i < tasks; ++i) fetch_countdowns(collected_[i]);
    for (std::size_t i = 0; i < tasks;) {
      const auto [frame, task] = collected_[i++];
      const Index first = frame->first_successor_[task];
      const Index successors = frame->first_successor_[task + 1] - first;
      if (successors == 1) {
        // The end of a fan is counted once for all of them.
        const Index successor = frame->successors_[first];
        std::uint32_t together = 1;
        for (; i < tasks && leads_only_to(frame, successor, collected_[i]); ++i) ++together;
        if (arrive(frame, successor, together)) queue_.push_back({frame, first, 1}, urgency_of(frame, successor));
      } else if (count(frame, task)) {
        done(frame);
      }
    }
    collects_ = !pace_.is_fast();
  }
  static bool leads_only_to(const Frame* frame, Index successor, Ready ready) {
    if (ready.frame != frame) return false;
    const Index first = frame->first_successor_[ready.task];
    return frame->first_successor_[ready.task + 1] == first + 1 && frame->successors_[first] == successor;
  }

  bool refill();
  void offer(std::size_t kept);
  bool take_back_offer();
  void absorb(Batch* batch);
  void absorb_inbox();
  Batch* new_batch();
  void recycle(Batch* batch);
  bool look();
  void look_for_loans();
  bool end_window();
  bool goes_on_alone();
  [[nodiscard]] bool is_shared() const;
  void hand_over(Worker& to);
  bool steal();
  void begin_work();
  bool wait_for_work();
  bool find_work();
  [[nodiscard]] bool somebody_waits() const;
  bool leave_to_its_worker(Frame* frame, Index task);
  void owe(const Batch& batch);
  [[nodiscard]] bool owes(const Worker& other) const;
  void repay();
  bool was_put_off();
  bool watch_others();
  void step_aside();
  void free_graveyard();

  Scheduler& scheduler_;
  const Order order_;
  const bool shares_;  ///< there are other workers
  const unsigned number_;
  const bool extra_;
  bool alone_ = true;  ///< nothing of it is at others, as far as it knows
  ReadyQueue queue_;
  /// Completed tasks whose successors are not counted yet.
  std::array<Ready, Pace::kMostSoon> collected_;
  std::size_t collected_count_ = 0;
  bool collects_ = false;        ///< its tasks were not fast when it counted last
  Urgency offered_ = 0;          ///< of the most urgent run in the offer; 0: nothing was offered
  std::unique_ptr<Batch> spare_;
  std::vector<Frame*> done_;       ///< see take_done()
  std::vector<Frame*> graveyard_;  ///< closed frames that runs in the queue may belong to
  std::chrono::nanoseconds nap_{0}, penalty_{0};
  long put_off_ = 0;         ///< how often it was, of extra ones
  bool in_the_way_ = true;   ///< an extra one, until it has worked and was not put off
  Loans loans_;
  std::vector<Loans::Count> owed_;         ///< to each worker

  // What other threads touch, on lines of its own.
  alignas(64) Slot<Batch> offer_;
  Stack<Batch> inbox_;
  Pace pace_;
};

}  // namespace gantry::scheduler
