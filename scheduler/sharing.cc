// What a worker has to do with the others: offers, loans, and sleep.

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <limits>

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
  batch->count = static_cast<Index>(queue_.pop_back(batch->runs.get(), kOffered, kept, batch->urgency));
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
    for (Index i = 0; i < batch->count; ++i) queue_.push_back(batch->runs[i], batch->urgency);
    const Ready completed = batch->completed;
    if (completed.frame != nullptr && complete(completed.frame, completed.task)) done_.push_back(completed.frame);
    if (batch->count == 0 && completed.frame == nullptr) left_ = 1;  // somebody asks for a share
    recycle(batch);
  }
}

Frame* Worker::take_done() {
  if (done_.empty()) return nullptr;
  Frame* frame = done_.back();
  done_.pop_back();
  return frame;
}

void Worker::judge(bool fast) {
  is_fast_ = fast;
  if (!fast) collects_ = true;  // until they are counted
  looks_fast_.store(fast, std::memory_order_relaxed);
}

/// So slow that it is worth to take from it; or inside of a long task.
bool Worker::may_be_slow(Nanoseconds now) const {
  return !looks_fast_.load(std::memory_order_relaxed) ||
         now - window_began_.load(std::memory_order_relaxed) >= kWorthSharing * kWindow;
}

/// Offers what others may take, and measures. False when the tasks were handed over.
bool Worker::look() {
  if (!shares_) {
    left_ = std::numeric_limits<unsigned>::max();
    return true;
  }
  bool in_window = true;
  if (is_fast_ || --left_in_window_ == 0) {
    if (!end_window()) return false;
    in_window = false;
  }
  // What it does soon it keeps, but when it has had no more for a whole window.
  if (!is_fast_ && !offer_.looks_full()) offer(in_window ? soon_ : 1);
  left_ = is_fast_ ? window_ : 1;
  return true;
}

/// How many of its tasks are done soon.
void Worker::measure(Nanoseconds took, Nanoseconds tasks) {
  soon_ = static_cast<std::size_t>(std::clamp<Nanoseconds>(kSoon * tasks / std::max<Nanoseconds>(took, 1), 1, kOffered));
}

bool Worker::was_fast(Nanoseconds took) const {
  const bool shared = !alone_ || std::any_of(owed_.begin(), owed_.end(), [](Loans::Count owed) { return owed != 0; });
  return took < (shared ? kWorthSharingOn : kWorthSharing) * kWindow;
}

/// Looks for this many fast tasks, so that the window takes about kLook.
void Worker::begin_window(Nanoseconds now, Nanoseconds took) {
  window_began_.store(now, std::memory_order_relaxed);
  window_ = took > kLook ? std::max(window_ / 2, kWindow) : std::min(window_ * 2, kLongWindow);
}

/// What look() does, where a window of fast tasks ends and there is nobody to look after: a task in hand need not be queued for it.
bool Worker::goes_on_alone() {
  if (!shares_ || number_ != 0 || !is_fast_ || !alone_) return false;
  const Nanoseconds now = now_nanoseconds();
  const Nanoseconds took = now - window_began_.load(std::memory_order_relaxed);
  if (!was_fast(took)) return false;
  doubts_ = false;
  begin_window(now, took);
  left_ = window_;
  return true;
}

bool Worker::end_window() {
  const Nanoseconds now = now_nanoseconds();
  // When it is asked before its time it is not known how many tasks there were, but that they took long.
  const Nanoseconds took = now - window_began_.load(std::memory_order_relaxed);
  const bool fast = was_fast(took);
  begin_window(now, took);
  if (is_fast_ && !fast && !std::exchange(doubts_, true)) {
    window_ = kWindow;
    return true;
  }
  doubts_ = false;
  judge(fast);
  measure(took, kWindow);
  left_in_window_ = kWindow;
  if (!alone_) look_for_loans();
  if (!is_fast_) {
    in_the_way_ = was_put_off();
    if (!in_the_way_) return true;
    hand_over(*scheduler_.workers()[number_ % scheduler_.processors()]);
    return false;
  }
  take_back_offer();
  for (const auto& other : scheduler_.workers()) {
    if (other.get() == this) break;
    const bool works = other->has_work_.load(std::memory_order_relaxed);
    // One that has run out of what it lent counts faster than this one.
    if (works ? other->may_be_slow(now) : !owes(*other)) continue;
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
    if (other.get() == this || !other->may_be_slow(now)) continue;
    if (Batch* batch = other->offer_.take()) {
      owe(*batch);
      absorb(batch);
      return true;
    }
    // It was fast and is no more: an empty batch asks.
    const bool asks = other->has_work_.load(std::memory_order_relaxed) && other->looks_fast_.load(std::memory_order_relaxed);
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
  left_in_window_ = window_ = kWindow;
  left_ = 1;
  judge(!shares_);  // it is not known yet: whoever wants to help may
  window_began_.store(now_nanoseconds(), std::memory_order_relaxed);
  has_work_.store(true, std::memory_order_relaxed);
  was_put_off();  // from now on it counts
}

bool Worker::wait_for_work() {
  if (const Nanoseconds tasks = kWindow - left_in_window_; !is_fast_ && tasks > 0) {
    measure(now_nanoseconds() - window_began_.load(std::memory_order_relaxed), tasks);
  }
  has_work_.store(false, std::memory_order_relaxed);
  step_aside();
  if (watch_others()) return begin_work(), true;
  for (;;) {
    repay();
    const Sleepers::Ticket ticket = scheduler_.sleepers_.prepare();
    const bool stopped = scheduler_.stopped_.load(std::memory_order_relaxed);
    if (stopped || !inbox_.looks_empty() || offer_.looks_full() || steal()) {
      scheduler_.sleepers_.cancel();
      if (stopped) return false;
      break;
    }
    const auto& all = scheduler_.workers();
    const bool others_work = std::any_of(all.begin(), all.end(), [](const auto& worker) {
      return worker->has_work_.load(std::memory_order_relaxed);
    });
    scheduler_.sleepers_.sleep(ticket, others_work ? nap_ : kUntilWoken);
    nap_ = std::min(2 * nap_, kLongestNap);
  }
  begin_work();
  return true;
}

/// For a moment, while others are at work that they share: to be woken takes longer.
bool Worker::watch_others() {
  if (extra_) return false;
  for (const Nanoseconds end = now_nanoseconds() + kWatch; now_nanoseconds() < end;) {
    repay();
    if (!inbox_.looks_empty() || steal()) return true;
    const auto& all = scheduler_.workers();
    const bool others_share = std::any_of(all.begin(), all.end(), [](const auto& worker) {
      return worker->has_work_.load(std::memory_order_relaxed) && !worker->looks_fast_.load(std::memory_order_relaxed);
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
