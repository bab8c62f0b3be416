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
  const Index end = static_cast<Index>(topology.successors.size());
  for (Index first = topology.first_successor.back(); first != end;) {
    const Urgency urgency = urgency_of(frame, topology.successors[first]);
    Index size = 1;
    while (first + size != end && urgency_of(frame, topology.successors[first + size]) == urgency) ++size;
    queue_.push_back({frame, first, size}, urgency);
    first += size;
  }
  return frame;
}

void Worker::close(Frame* frame) {
  if (frame->is_done()) return Frame::destroy(frame);
  frame->closed_ = true;
  graveyard_.push_back(frame);
  // The queue forgets its tasks when their turn comes.
}

void Worker::free_graveyard() {
  for (Frame* frame : graveyard_) Frame::destroy(frame);
  graveyard_.clear();
}

/// The next one that is not of a closed frame, whose runs are forgotten. Their topologies may be gone.
std::optional<Ready> Worker::next_open() {
  while (queue_.top().front().frame->closed_) {
    queue_.top().pop_front();
    if (queue_.top().empty() && !refill()) return std::nullopt;
  }
  return take<false>();
}

bool Worker::refill() {
  while (!queue_.turn(offered_)) {
    if (take_back_offer()) continue;
    if (queue_.empty()) {
      if (!graveyard_.empty()) free_graveyard();
      return false;
    }
  }
  return true;
}

}  // namespace gantry::scheduler
