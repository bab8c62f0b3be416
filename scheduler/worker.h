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
// later one hands its tasks to the earlier. When fast tasks are followed by a slow one, others ask for their share.
// A worker above the number of processors that was put off its processor is one too many, too.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <vector>

#include "scheduler/handover.h"
#include "scheduler/loans.h"
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
  Worker* lender = nullptr;         ///< whose loan it is; null: of a batch that goes home
  bool foreign = false;             ///< it holds frames that the lender did not open
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
    if (current_.empty() && !refill()) return std::nullopt;
    if (shares_ && !goes_on() && !look()) return std::nullopt;
    const Ready ready = current_.take();
    if (!current_.empty()) current_.fetch_next();
    return ready;
  }

  /// Says that `task`, which next() gave to somebody, is fulfilled, in whatever way. A second call for the same task does
  /// nothing. Returns true when this was the last task of the frame. Of a frame that another worker opened it is that one who
  /// counts it, and learns whether it was the last (Scheduler::complete).
  bool complete(Frame* frame, Index task) {
    if (frame->worker_ != this) return leave_to_its_worker(frame, task);
    if (!frame->countdowns_[task].complete()) return false;
    if (frame->first_successor_[task] == frame->first_successor_[task + 1]) return end_reached(frame);
    for_each_ready(frame, task, [this](const ReadyRun& run) { make_ready(run); });
    return false;
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
      std::optional<Ready> ready = next();
      while (ready) {
        if (shares_ && !is_fast_) fetch_countdowns(*ready);
        const bool fulfilled = run(*this, *ready);
        if (!fulfilled) let_go();
        ready = fulfilled ? complete_and_next(*ready, done) : next();
      }
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
    const Index* edge = frame->at(frame->first_successor_[task]);
    const Index* const end = frame->at(frame->first_successor_[task + 1]);
    Gathered ready(*this, frame, visit);
    // A few at a time, counted without a branch: whether one becomes ready is nothing a processor could guess.
    while (edge != end) {
      const Index* const part = end - edge > kAtOnce ? edge + kAtOnce : end;
      const Index* found[kAtOnce];
      const unsigned count = has_alone(frame) ? arrive<true>(frame, edge, part, found) : arrive<false>(frame, edge, part, found);
      for (unsigned i = 0; i < count; ++i) ready.add(found[i]);
      edge = part;
    }
    ready.finish();
  }
  static constexpr std::ptrdiff_t kAtOnce = 16;
  template <bool kAlone>
  static unsigned arrive(Frame* frame, const Index* edge, const Index* end, const Index** found) {
    Countdown* const countdowns = frame->countdowns_;
    unsigned count = 0;
    for (; edge != end; ++edge) {
      found[count] = edge;
      count += kAlone ? countdowns[*edge].arrive_alone() : countdowns[*edge].arrive();
    }
    return count;
  }
  /// Makes runs of edges whose tasks are ready, in the order of the row.
  template <class Visit>
  struct Gathered {
    Gathered(const Worker& worker, Frame* frame, Visit& visitor)
        : urgent(worker.order_ == Order::Urgent), visit(visitor), run{frame} {}
    void add(const Index* edge) {
      const Urgency urgency = urgent ? run.frame->urgency_of(*edge) : 0;
      if (edge != run.end || urgency != run.urgency) {
        finish();
        run.first = edge;
        run.urgency = urgency;
      }
      run.end = edge + 1;
    }
    void finish() {
      if (!run.empty()) visit(run);
    }
    bool urgent;
    Visit& visit;
    ReadyRun run;
  };
  /// While the task runs, what its end will touch comes near: others have written it.
  static void fetch_countdowns(Ready ready) {
    const Frame* frame = ready.frame;
    const Index* const edges = frame->at(frame->first_successor_[ready.task]);
    const std::ptrdiff_t count = frame->at(frame->first_successor_[ready.task + 1]) - edges;
    if (count < 2) return;  // often the end of a fan, which others need as much
    for (std::ptrdiff_t i = 0; i < std::min(count, kAtOnce); ++i) fetch_to_write(&frame->countdowns_[edges[i]]);
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
  /// straight on, through no queue.
  template <class Done>
  std::optional<Ready> complete_and_next(Ready ready, Done&& done) {
    Frame* frame = ready.frame;
    const Index first = frame->first_successor_[ready.task];
    const Index successors = frame->first_successor_[ready.task + 1] - first;
    if (successors == 0) {
      if (end_reached(frame)) done(frame);
      return next();
    }
    if (successors == 1) {
      const Index successor = frame->successors_[first];
      if (!has_alone(frame)) return arrive_shared_and_next(frame, first);
      if (!frame->countdowns_[successor].arrive_alone()) return next();
      if (current_.empty() && queue_.empty() && inbox_.looks_empty() && (!shares_ || goes_on())) {
        return Ready{frame, successor};
      }
      make_ready({frame, frame->at(first), frame->at(first + 1), order_ == Order::Urgent ? frame->urgency_of(successor) : 0});
      return next();
    }
    // Of two a processor often guesses rightly which is ready (a grid), of more it does not.
    if (order_ == Order::Newest && successors > 2 && successors <= kAtOnce) {
      has_alone(frame) ? make_ready_newest<true>(frame, first, successors) : make_ready_newest<false>(frame, first, successors);
    } else {
      for_each_ready(frame, ready.task, [this](const ReadyRun& run) { make_ready(run); });
    }
    return next();
  }

  /// Of a shared frame: when the next task leads to the same task and to nothing else, as in a fan, it holds that one up anyway.
  /// So the two are counted in one, and the cache line of the count does not move for each.
  std::optional<Ready> arrive_shared_and_next(Frame* frame, Index edge);
  void let_go() {
    if (held_.count > 0) count_held();
  }
  void count_held();
  void look_for_loans();

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

  /// Counts down a few successors; each goes in front of what is current, and stays there if it is ready. The first one comes
  /// first. Without a branch, as in arrive().
  template <bool kAlone>
  void make_ready_newest(Frame* frame, Index first, Index count) {
    if (current_.at < kAtOnce) spill_current();
    for (const Index* edge = frame->at(first + count); edge-- != frame->at(first);) {
      ReadyRun& newest = current_.runs[current_.at - 1];
      newest.frame = frame;
      newest.first = edge;
      newest.end = edge + 1;
      Countdown& countdown = frame->countdowns_[*edge];
      current_.at -= kAlone ? countdown.arrive_alone() : countdown.arrive();
    }
  }
  void make_ready_newest(const ReadyRun& run) {
    if (current_.at == 0) spill_current();
    ReadyRun& newest = current_.runs[--current_.at];
    newest.frame = run.frame;
    newest.first = run.first;
    newest.end = run.end;
  }

  /// Counts a task, unless the worker has to look() after the others before it. An asker's store may be lost to the counting;
  /// it asks again.
  bool goes_on() {
    const unsigned left = until_look_.load(std::memory_order_relaxed);
    if (left <= 1) return false;
    until_look_.store(left - 1, std::memory_order_relaxed);
    return true;
  }

  /// Runs that were taken out of the queue together: all equally urgent, the first one first.
  struct Current {
    static constexpr std::size_t kTaken = 16;  ///< of Order::Urgent
    static constexpr std::size_t kMost = 48;   ///< of Order::Newest, half of which is room for what becomes ready
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
    /// What comes after it in the topology comes near while the task before it runs: equals follow each other in any order.
    void fetch_next() const {
      const Frame* frame = runs[at].frame;
      __builtin_prefetch(frame->at(frame->first_successor_[*runs[at].first]));
    }
  };
  void put_back_current(std::size_t kept = 0);  ///< all but so many of the first
  void spill_current();

  bool refill();
  void offer();
  bool take_back_offer();
  void absorb(Batch* batch);
  void absorb_inbox();
  Batch* new_batch();
  void recycle(Batch* batch);
  bool look();
  bool end_window();
  void hand_over(Worker& to);
  bool steal();
  void begin_work();
  bool wait_for_work();
  [[nodiscard]] bool may_be_slow(Nanoseconds now) const;
  void judge(bool fast);
  bool leave_to_its_worker(Frame* frame, Index task);
  void owe(const Batch& batch);
  [[nodiscard]] bool owes(const Worker& other) const;
  void repay();
  bool was_put_off();
  bool watch_others();
  void step_aside();
  void free_graveyard();

  static constexpr unsigned kWindow = 64, kLongWindow = 4096;  ///< tasks between two looks at the clock; more while they are fast
  static constexpr Nanoseconds kLook = 5'000;                 ///< that a window of fast tasks is made to take
  static constexpr Nanoseconds kWorthSharing = 300;    ///< a task, when one worker does them
  static constexpr Nanoseconds kWorthSharingOn = 600;  ///< a task, when several do, and wait for each other's cache lines

  /// Runs in an offer, at most: what is not taken is put back and offered again, over and over.
  static constexpr std::size_t kOffered = 16;
  static constexpr Nanoseconds kSoon = 16'000;  ///< what a worker does in that time it does not offer

  Scheduler& scheduler_;
  const Order order_;
  const bool shares_;  ///< there are other workers
  const unsigned number_;
  const bool extra_;
  bool alone_ = true;  ///< nothing of it is at others, as far as it knows
  Current current_;
  ReadyQueue queue_;
  /// Completed dependencies of the task behind `edge` that were not counted yet; only while a further one of it runs here.
  struct {
    Frame* frame = nullptr;
    Index edge = 0;
    std::uint32_t count = 0;
  } held_;
  std::size_t soon_ = 1;         ///< tasks of its that take about kSoon; 1: they take longer, or it is not known
  unsigned window_ = kWindow;    ///< tasks
  unsigned left_in_window_ = kWindow;  ///< while they are slow
  bool is_fast_ = false;         ///< its tasks took less than kWorthSharing in the last window
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
  // What other workers judge it by. Relaxed: a wrong guess costs time only.
  alignas(64) std::atomic<Nanoseconds> window_began_{0};
  std::atomic<bool> looks_fast_{false};
  std::atomic<bool> has_work_{false};
  /// Tasks until it looks after the others. While they are fast, a window; others make it 1 when it takes too long.
  std::atomic<unsigned> until_look_{1};
};

}  // namespace gantry::scheduler
