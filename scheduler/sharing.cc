// What a worker has to do with the others: offers, loans, and sleep.

#include <sys/resource.h>

#include <algorithm>
#include <chrono>

#include "scheduler/scheduler.h"
#include "scheduler/worker.h"

namespace gantry::scheduler {

namespace {

std::int64_t now_nanoseconds() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

/// How long a worker sleeps before it looks again at others that are fast, or until it is woken.
constexpr std::chrono::nanoseconds kShortestNap = std::chrono::microseconds(50);
constexpr std::chrono::nanoseconds kLongestNap = std::chrono::milliseconds(1);
/// How long it looks for work before it sleeps.
constexpr std::int64_t kWatch = 20'000;
constexpr std::chrono::nanoseconds kUntilWoken = std::chrono::hours(1);
/// How long an extra worker that was in the way keeps out of it.
constexpr std::chrono::nanoseconds kShortestPenalty = std::chrono::milliseconds(100);
constexpr std::chrono::nanoseconds kLongestPenalty = std::chrono::seconds(1);

}  // namespace

Batch* Worker::new_batch() {
  if (spare_) return spare_.release();
  auto* batch = new Batch;
  batch->runs = std::make_unique<ReadyRun[]>(Batch::kMost);
  return batch;
}

void Worker::recycle(Batch* batch) {
  if (!spare_ && batch->runs) {
    spare_.reset(batch);
  } else {
    delete batch;
  }
}

/// Half of what there is besides the first `kept` tasks.
void Worker::offer(std::size_t kept) {
  Batch* batch = new_batch();
  batch->count = static_cast<Index>(queue_.pop_back(batch->runs.get(), Batch::kMost, kept, batch->urgency));
  if (batch->count == 0) return recycle(batch);
  batch->lender = this;
  batch->foreign = std::any_of(batch->runs.get(), batch->runs.get() + batch->count,
                               [this](const ReadyRun& run) { return run.frame->worker_ != this; });
  loans_.lend(batch->foreign);
  alone_ = false;
  offered_ = batch->urgency;
  offer_.put(batch);
  scheduler_.sleepers_.wake_one();
}

void Worker::look_for_loans() { alone_ = loans_.all_back(); }

bool Worker::take_back_offer() {
  offered_ = 0;
  Batch* batch = offer_.take();
  if (batch == nullptr) return false;
  loans_.take_back(batch->foreign);
  look_for_loans();
  absorb(batch);
  return true;
}

void Worker::absorb(Batch* batch) {
  for (Index i = 0; i < batch->count; ++i) queue_.push_back(batch->runs[i], batch->urgency);
  recycle(batch);
}

void Worker::absorb_inbox() {
  Batch* newest = inbox_.take_all();
  Batch* oldest = nullptr;
  while (newest != nullptr) {
    Batch* next = std::exchange(newest->next, oldest);
    oldest = std::exchange(newest, next);
  }
  while (oldest != nullptr) {
    Batch* batch = std::exchange(oldest, oldest->next);
    owe(*batch);
    const Ready completed = batch->completed;
    if (completed.frame != nullptr && complete(completed.frame, completed.task)) done_.push_back(completed.frame);
    if (batch->count == 0 && completed.frame == nullptr) pace_.look_at_once();  // somebody asks for a share
    absorb(batch);
  }
}

Frame* Worker::take_done() {
  if (done_.empty()) return nullptr;
  Frame* frame = done_.back();
  done_.pop_back();
  return frame;
}

/// Offers what others may take, and measures. False when the tasks were handed over.
bool Worker::look() {
  if (!shares_) {
    pace_.has_looked();
    return true;
  }
  const bool window_over = pace_.counts_window();
  if (window_over && !end_window()) return false;
  // What it does soon it keeps, but when it has had no more for a whole window.
  if (!pace_.is_fast() && !offer_.looks_full()) offer(window_over ? 1 : pace_.soon());
  pace_.has_looked();
  return true;
}

/// What look() does, where a window of fast tasks ends and there is nobody to look after: a task in hand need not be queued for it.
bool Worker::goes_on_alone() { return shares_ && number_ == 0 && alone_ && pace_.stays_fast(now_nanoseconds()); }

/// Whether others work on the same frames.
bool Worker::is_shared() const {
  return !alone_ || std::any_of(owed_.begin(), owed_.end(), [](Loans::Count owed) { return owed != 0; });
}

bool Worker::end_window() {
  const Nanoseconds now = now_nanoseconds();
  if (!pace_.end_window(now, is_shared())) return true;
  if (!alone_) look_for_loans();
  if (!pace_.is_fast()) {
    collects_ = true;  // until they are fast again when it counts
    in_the_way_ = was_put_off();
    if (!in_the_way_) return true;
    hand_over(*scheduler_.workers()[number_ % scheduler_.processors()]);
    return false;
  }
  take_back_offer();
  for (const auto& other : scheduler_.workers()) {
    if (other.get() == this) break;
    const bool works = other->pace_.is_at_work();
    // One that has run out of what it lent counts faster than this one.
    if (works ? other->pace_.may_be_slow(now) : !owes(*other)) continue;
    hand_over(*other);
    return false;
  }
  return !queue_.top().empty() || refill();
}

void Worker::hand_over(Worker& to) {
  while (!queue_.empty()) {
    Batch* batch = new_batch();
    batch->count = static_cast<Index>(queue_.pop_front(batch->runs.get(), Batch::kMost, batch->urgency));
    bool home = true;
    batch->foreign = false;
    for (Index i = 0; i < batch->count; ++i) {
      const Worker* opener = batch->runs[i].frame->worker_;
      home &= opener == &to;
      batch->foreign |= opener != &to && opener != this;
    }
    batch->lender = home ? nullptr : this;
    if (!home) {
      loans_.lend(batch->foreign);
      alone_ = false;
    }
    to.inbox_.push(batch);
  }
  scheduler_.wake_all();
}

bool Worker::steal() {
  const Nanoseconds now = now_nanoseconds();
  for (const auto& other : scheduler_.workers()) {
    if (other.get() == this || !other->pace_.may_be_slow(now)) continue;
    if (Batch* batch = other->offer_.take()) {
      owe(*batch);
      absorb(batch);
      return true;
    }
    // It was fast and is no more: an empty batch asks.
    const bool asks = other->pace_.is_at_work() && other->pace_.looks_fast();
    if (asks && other->inbox_.looks_empty()) other->inbox_.push(new Batch);
  }
  return false;
}

void Worker::owe(const Batch& batch) {
  if (batch.lender == nullptr) return;
  owed_.resize(scheduler_.workers().size());
  owed_[batch.lender->number_] += Loans::one(batch.foreign);
}

bool Worker::owes(const Worker& other) const { return !owed_.empty() && owed_[other.number_] != 0; }

/// When it has nothing to do: what it borrowed is done.
void Worker::repay() {
  if (owed_.empty() || !loans_.foreign_back()) return;
  for (std::size_t i = 0; i < owed_.size(); ++i) {
    if (owed_[i] != 0) scheduler_.workers()[i]->loans_.give_back(std::exchange(owed_[i], 0));
  }
}

bool Worker::leave_to_its_worker(Frame* frame, Index task) {
  scheduler_.complete(frame, task);
  return false;
}

/// Whether an extra worker had a processor taken away from it since it was last asked: then there is none for it.
bool Worker::was_put_off() {
  if (!extra_) return false;
  rusage usage{};
  ::getrusage(RUSAGE_THREAD, &usage);
  return std::exchange(put_off_, usage.ru_nivcsw) != usage.ru_nivcsw;
}

void Worker::begin_work() {
  nap_ = kShortestNap;
  pace_.begin(now_nanoseconds(), shares_);
  collects_ = shares_;
  was_put_off();  // from now on it counts
}

bool Worker::wait_for_work() {
  pace_.end(now_nanoseconds());
  step_aside();
  scheduler_.idle_.fetch_add(1, std::memory_order_relaxed);
  const bool found = find_work();
  scheduler_.idle_.fetch_sub(1, std::memory_order_relaxed);
  if (found) begin_work();
  return found;
}

/// False when the scheduler was stopped.
bool Worker::find_work() {
  if (watch_others()) return true;
  for (;;) {
    repay();
    const Sleepers::Ticket ticket = scheduler_.sleepers_.prepare();
    const bool stopped = scheduler_.stopped_.load(std::memory_order_relaxed);
    if (stopped || !inbox_.looks_empty() || offer_.looks_full() || steal()) {
      scheduler_.sleepers_.cancel();
      return !stopped;
    }
    const auto& all = scheduler_.workers();
    const bool others_work = std::any_of(all.begin(), all.end(), [](const auto& worker) {
      return worker->pace_.is_at_work();
    });
    scheduler_.sleepers_.sleep(ticket, others_work ? nap_ : kUntilWoken);
    nap_ = std::min(2 * nap_, kLongestNap);
  }
}

/// For a moment, while others are at work that they share: to be woken takes longer.
bool Worker::watch_others() {
  if (extra_) return false;
  for (const Nanoseconds end = now_nanoseconds() + kWatch; now_nanoseconds() < end;) {
    repay();
    if (!inbox_.looks_empty() || steal()) return true;
    const auto& all = scheduler_.workers();
    const bool others_share = std::any_of(all.begin(), all.end(), [](const auto& worker) {
      return worker->pace_.is_at_work() && !worker->pace_.looks_fast();
    });
    if (!others_share) return false;
#ifdef __x86_64__
    for (int i = 0; i < 20; ++i) __builtin_ia32_pause();
#endif
  }
  return false;
}

/// An extra worker that was in the way sleeps where no offer wakes it.
void Worker::step_aside() {
  if (!extra_) return;
  if (!std::exchange(in_the_way_, false) && !was_put_off()) {
    penalty_ = {};
    return;
  }
  penalty_ = std::clamp(2 * penalty_, kShortestPenalty, kLongestPenalty);
  Nanoseconds left = penalty_.count();
  const Nanoseconds until = now_nanoseconds() + left;
  for (; left > 0; left = until - now_nanoseconds()) {
    const Sleepers::Ticket ticket = scheduler_.aside_.prepare();
    if (scheduler_.stopped_.load(std::memory_order_relaxed) || !inbox_.looks_empty()) return scheduler_.aside_.cancel();
    repay();
    scheduler_.aside_.sleep(ticket, std::chrono::nanoseconds(left));
  }
}

}  // namespace gantry::scheduler
