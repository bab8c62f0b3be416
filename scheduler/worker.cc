#include "scheduler/worker.h"

#include <algorithm>
#include <chrono>

#include "scheduler/scheduler.h"

namespace gantry::scheduler {

namespace {

std::int64_t now_nanoseconds() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

/// How long a worker sleeps before it looks again at others that are fast, or until it is woken.
constexpr std::chrono::nanoseconds kShortestNap = std::chrono::microseconds(50);
constexpr std::chrono::nanoseconds kLongestNap = std::chrono::milliseconds(1);
constexpr std::chrono::nanoseconds kUntilWoken = std::chrono::hours(1);

}  // namespace

Worker::Worker(Scheduler& scheduler, Order order, bool shares)
    : scheduler_(scheduler), order_(order), shares_(shares), nap_(kShortestNap) {}

Worker::~Worker() {
  delete offer_.take();
  for (Batch* batch = inbox_.take_all(); batch != nullptr;) delete std::exchange(batch, batch->next);
  for (Frame* frame : graveyard_) Frame::destroy(frame);
}

Frame* Worker::open(const Topology& topology, std::int32_t priority, Index height, void* owner) {
  Frame* frame = Frame::create(topology, priority, height, this, owner);
  const auto roots = topology.roots();
  ReadyRun run;
  for (const Index& root : roots) {
    const Urgency urgency = order_ == Order::Urgent ? frame->urgency_of(root) : 0;
    if (!run.empty() && urgency == run.urgency) {
      ++run.end;
      continue;
    }
    if (!run.empty()) make_ready(run);
    run = {frame, &root, &root + 1, urgency};
  }
  if (!run.empty()) make_ready(run);
  return frame;
}

void Worker::close(Frame* frame) {
  if (frame->is_done()) return Frame::destroy(frame);
  frame->closed_ = true;
  graveyard_.push_back(frame);
  // The queue forgets its tasks when their turn comes.
  put_back_current();
}

void Worker::free_graveyard() {
  for (Frame* frame : graveyard_) Frame::destroy(frame);
  graveyard_.clear();
}

void Worker::put_back_current() {
  while (current_.count > current_.at) queue_.push_front(current_.runs[--current_.count]);
  current_.at = current_.count = 0;
}

/// Order::Newest: makes room in front of what is current, the oldest half of which goes to the queue.
void Worker::spill_current() {
  constexpr std::size_t kHalf = Current::kMost / 2;
  while (current_.count > kHalf) queue_.push_front(current_.runs[--current_.count]);
  std::copy_backward(current_.runs, current_.runs + current_.count, current_.runs + Current::kMost);
  current_.at = Current::kMost - current_.count;
  current_.count = Current::kMost;
}

bool Worker::refill() {
  for (;;) {
    if (queue_.empty()) {
      if (!graveyard_.empty()) free_graveyard();
      if (!take_back_offer()) return false;
      continue;
    }
    current_.at = 0;
    current_.count = queue_.pop(current_.runs, Current::kMost);
    current_.urgency = current_.runs[0].urgency;
    if (current_.urgency < offered_) {
      put_back_current();
      take_back_offer();
      continue;
    }
    if (!graveyard_.empty()) {
      const auto end = std::remove_if(current_.runs, current_.runs + current_.count,
                                      [](const ReadyRun& run) { return run.frame->closed_; });
      current_.count = static_cast<std::size_t>(end - current_.runs);
      if (current_.empty()) continue;
    }
    return true;
  }
}

// ---- between threads ----

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

void Worker::offer() {
  Batch* batch = new_batch();
  batch->number = ++offers_;
  if (queue_.empty() && current_.count - current_.at == 1) {
    ReadyRun& run = current_.runs[current_.at];
    ReadyRun half = run;
    run.end = half.first = run.first + (run.size() + 1) / 2;
    batch->runs[0] = half;
    batch->count = 1;
  } else {
    // One stays, so that this worker has something, too.
    std::optional<ReadyRun> first;
    if (!current_.empty()) first = current_.runs[current_.at++];
    put_back_current();
    batch->count = static_cast<Index>(queue_.pop(batch->runs.get(), std::min<std::size_t>((queue_.size() + 1) / 2, Batch::kMost)));
    if (first) current_.set(*first);
  }
  for (Index i = 0; i < batch->count; ++i) {
    Frame* frame = batch->runs[i].frame;
    if (has_alone(frame)) frame->first_offer_ = batch->number;
  }
  offered_ = batch->runs[0].urgency;
  offer_.put(batch);
  scheduler_.sleepers_.wake_one();
}

bool Worker::take_back_offer() {
  offered_ = 0;
  Batch* batch = offer_.take();
  if (batch == nullptr) return false;
  for (Index i = 0; i < batch->count; ++i) {
    Frame* frame = batch->runs[i].frame;
    if (frame->worker_ == this && frame->first_offer_ == batch->number) frame->first_offer_ = 0;
  }
  absorb(batch);
  return true;
}

void Worker::absorb(Batch* batch) {
  put_back_current();  // it may be less urgent
  // Backwards to the front: what was offered came before what became ready since.
  for (Index i = batch->count; i-- > 0;) queue_.push_front(batch->runs[i]);
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
    for (Index i = 0; i < batch->count; ++i) make_ready(batch->runs[i]);
    const Ready completed = batch->completed;
    if (completed.frame != nullptr && complete(completed.frame, completed.task)) done_.push_back(completed.frame);
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
  looks_fast_.store(fast, std::memory_order_relaxed);
}

/// So slow that it is worth to take from it; or inside of a long task.
bool Worker::may_be_slow(Nanoseconds now) const {
  return !looks_fast_.load(std::memory_order_relaxed) ||
         now - window_began_.load(std::memory_order_relaxed) >= kWorthSharing * kWindow;
}

bool Worker::end_window() {
  const Nanoseconds now = now_nanoseconds();
  judge(now - window_began_.load(std::memory_order_relaxed) < kWorthSharing * kWindow);
  in_window_ = 0;
  window_began_.store(now, std::memory_order_relaxed);
  if (!is_fast_) return true;
  take_back_offer();
  for (const auto& other : scheduler_.workers()) {
    if (other.get() == this) break;
    if (!other->has_work_.load(std::memory_order_relaxed) || other->may_be_slow(now)) continue;
    hand_over(*other);
    return false;
  }
  return !current_.empty() || refill();
}

void Worker::hand_over(Worker& to) {
  put_back_current();
  while (!queue_.empty()) {
    Batch* batch = new_batch();
    batch->count = static_cast<Index>(queue_.pop(batch->runs.get(), Batch::kMost));
    for (Index i = 0; i < batch->count; ++i) {
      Frame* frame = batch->runs[i].frame;
      if (has_alone(frame)) frame->first_offer_ = ++offers_;  // it does not come back as an offer
    }
    to.inbox_.push(batch);
  }
  scheduler_.sleepers_.wake_all();
}

bool Worker::steal() {
  const Nanoseconds now = now_nanoseconds();
  for (const auto& other : scheduler_.workers()) {
    if (other.get() == this || !other->may_be_slow(now)) continue;
    if (Batch* batch = other->offer_.take()) {
      absorb(batch);
      return true;
    }
  }
  return false;
}

void Worker::begin_work() {
  nap_ = kShortestNap;
  in_window_ = 0;
  judge(false);  // it is not known yet: whoever wants to help may
  window_began_.store(now_nanoseconds(), std::memory_order_relaxed);
  has_work_.store(true, std::memory_order_relaxed);
}

bool Worker::wait_for_work() {
  has_work_.store(false, std::memory_order_relaxed);
  for (;;) {
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

}  // namespace gantry::scheduler
