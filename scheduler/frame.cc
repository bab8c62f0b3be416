#include "scheduler/frame.h"

#include <algorithm>
#include <new>

#include "scheduler/level_set.h"

namespace gantry::scheduler {

namespace {

/// Priorities as numbers without sign in the same order, and below them the height, which must not run over.
Urgency lowest_urgency(const Topology& topology, std::int32_t priority, Index height) {
  const Index most = LevelSet::kMost - 1 - std::min(topology.greatest_height, LevelSet::kMost - 1);
  return (static_cast<Urgency>(static_cast<std::uint32_t>(priority) ^ 0x80000000u) << 32) + std::min(height, most);
}

}  // namespace

std::size_t Frame::bytes(const Topology& topology) {
  return sizeof(Frame) + topology.task_count() * sizeof(Countdown);
}

Frame* Frame::create(const Topology& topology, std::int32_t priority, Index height, Worker* worker, void* owner) {
  return new (::operator new(bytes(topology))) Frame(topology, priority, height, worker, owner);
}

Frame::Frame(const Topology& topology, std::int32_t priority, Index height, Worker* worker, void* owner)
    : first_successor_(topology.first_successor.data()), successors_(topology.successors.data()),
      heights_(topology.height.data()), urgency_(lowest_urgency(topology, priority, height)),
      countdowns_(reinterpret_cast<Countdown*>(this + 1)), worker_(worker), topology_(&topology),
      owner_(owner), ends_left_(topology.ends) {
  for (Index task = 0; task < topology.task_count(); ++task) {
    new (&countdowns_[task]) Countdown(topology.dependency_count[task]);
  }
}

void Frame::destroy(Frame* frame) {
  frame->~Frame();
  ::operator delete(frame);
}

}  // namespace gantry::scheduler
