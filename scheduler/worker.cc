#include "scheduler/worker.h"

#include <algorithm>

#include "scheduler/scheduler.h"

namespace gantry::scheduler {

Worker::Worker(Scheduler& scheduler, Order order, bool shares, unsigned number, bool extra)
    : scheduler_(scheduler), order_(order), shares_(shares), number_(number), extra_(extra) {}

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

void Worker::put_back_current(std::size_t kept) {
  while (current_.count > current_.at + kept) queue_.push_front(current_.runs[--current_.count]);
  if (kept == 0) current_.at = current_.count = 0;
}

/// Order::Newest: makes room in front of what is current, the oldest half of which goes to the queue.
void Worker::spill_current() {
  constexpr std::size_t kHalf = Current::kMost / 2;
  while (current_.count - current_.at > kHalf) queue_.push_front(current_.runs[--current_.count]);
  std::copy_backward(current_.runs + current_.at, current_.runs + current_.count, current_.runs + Current::kMost);
  current_.at = Current::kMost - (current_.count - current_.at);
  current_.count = Current::kMost;
}

bool Worker::refill() {
  for (;;) {
    if (queue_.empty()) {
      if (!graveyard_.empty()) free_graveyard();
      if (!take_back_offer()) return false;
      continue;
    }
    // Order::Newest leaves room for what becomes ready, which comes before.
    const std::size_t most = order_ == Order::Newest ? std::min(Current::kMost / 2, queue_.size()) : Current::kTaken;
    current_.at = order_ == Order::Newest ? Current::kMost - most : 0;
    const std::size_t count = queue_.pop(current_.runs + current_.at, most, offered_);
    current_.count = current_.at + count;
    if (count == 0) {
      take_back_offer();
      continue;
    }
    current_.urgency = current_.runs[current_.at].urgency;
    if (!graveyard_.empty()) {
      const auto end = std::remove_if(current_.runs + current_.at, current_.runs + current_.count,
                                      [](const ReadyRun& run) { return run.frame->closed_; });
      current_.count = static_cast<std::size_t>(end - current_.runs);
      if (current_.empty()) continue;
    }
    return true;
  }
}

}  // namespace gantry::scheduler
