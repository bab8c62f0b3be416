#include "scheduler/frame.h"

#include <memory>
#include <new>

namespace gantry::scheduler {

static_assert(sizeof(std::atomic<Index>) == sizeof(Index) && std::atomic<Index>::is_always_lock_free);
static_assert(sizeof(std::atomic<TaskState>) == 1 && std::atomic<TaskState>::is_always_lock_free);

Frame* Frame::create(const Graph& graph, std::int32_t priority, std::uint64_t sequence, void* owner) {
  std::size_t per_task = sizeof(std::atomic<Index>) + sizeof(Index) + sizeof(std::atomic<TaskState>);
  void* memory = ::operator new(sizeof(Frame) + graph.tasks.size() * per_task);
  return new (memory) Frame(graph, priority, sequence, owner);
}

Frame::Frame(const Graph& graph, std::int32_t priority, std::uint64_t sequence, void* owner)
    : graph_(&graph), owner_(owner), sequence_(sequence), priority_(priority),
      unfinished_(static_cast<Index>(graph.tasks.size())) {
  std::size_t count = graph.tasks.size();
  pending_ = reinterpret_cast<std::atomic<Index>*>(this + 1);
  next_ready_ = reinterpret_cast<Index*>(pending_ + count);
  state_ = reinterpret_cast<std::atomic<TaskState>*>(next_ready_ + count);
  for (std::size_t i = 0; i < count; ++i) {
    new (&pending_[i]) std::atomic<Index>(graph.dependency_count[i]);
    new (&next_ready_[i]) Index(kNone);
    new (&state_[i]) std::atomic<TaskState>(TaskState::Waiting);
  }
}

void Frame::destroy(Frame* frame) {
  frame->~Frame();
  ::operator delete(frame);
}

}  // namespace gantry::scheduler
