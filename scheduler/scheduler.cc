#include "scheduler/scheduler.h"

#include <algorithm>

namespace gantry::scheduler {

Scheduler::~Scheduler() {
  drain_inbox();
  // What is left belongs to frames that were closed while entries of theirs stood in the heap.
  for (const Entry& entry : heap_) {
    --entry.frame->in_heap_;
    release(entry.frame);
  }
}

Frame* Scheduler::open(const Graph& graph, std::int32_t priority, void* owner) {
  Frame* frame = Frame::create(graph, priority, next_sequence_++, owner);
  for (Index task = 0; task < graph.tasks.size(); ++task) {
    if (graph.dependency_count[task] == 0) push_ready(frame, task);
  }
  return frame;
}

bool Scheduler::complete(Frame* frame, Index task) {
  if (frame->state_[task].exchange(TaskState::Done, std::memory_order_relaxed) == TaskState::Done) {
    return false;
  }
  for (Index successor : frame->graph().successors_of(task)) {
    // acq_rel: see Frame. Only the decrement that reaches zero pushes, so each task is pushed once.
    if (frame->pending_[successor].fetch_sub(1, std::memory_order_acq_rel) == 1) {
      push_ready(frame, successor);
    }
  }
  return frame->unfinished_.fetch_sub(1, std::memory_order_acq_rel) == 1;
}

void Scheduler::push_ready(Frame* frame, Index task) {
  frame->state_[task].store(TaskState::Ready, std::memory_order_relaxed);
  Index head = frame->ready_head_.load(std::memory_order_relaxed);
  do {
    frame->next_ready_[task] = head;
  } while (!frame->ready_head_.compare_exchange_weak(head, task, std::memory_order_release,
                                                     std::memory_order_relaxed));
  if (head != kNone) return;
  // The list was empty: the consumer has taken it whole (or never saw it), so the frame is not in the inbox, and only
  // this thread may put it there. The consumer reads next_inbox_ before it empties the list.
  Frame* first = inbox_.load(std::memory_order_relaxed);
  do {
    frame->next_inbox_.store(first, std::memory_order_relaxed);
  } while (!inbox_.compare_exchange_weak(first, frame, std::memory_order_release,
                                         std::memory_order_relaxed));
}

void Scheduler::drain_inbox() {
  if (inbox_.load(std::memory_order_relaxed) == nullptr) return;
  Frame* frame = inbox_.exchange(nullptr, std::memory_order_acquire);
  drained_.clear();
  for (; frame != nullptr; frame = frame->next_inbox_.load(std::memory_order_relaxed)) {
    drained_.push_back(frame);
  }
  // The inbox is a stack: the oldest push comes last.
  for (auto it = drained_.rbegin(); it != drained_.rend(); ++it) drain_frame(*it);
}

void Scheduler::drain_frame(Frame* frame) {
  Index task = frame->ready_head_.exchange(kNone, std::memory_order_acquire);
  if (frame->closed_) {
    release(frame);
    return;
  }
  std::size_t first = heap_.size();
  for (; task != kNone; task = frame->next_ready_[task]) {
    heap_.push_back({frame->priority_, frame->graph().height[task], frame->sequence_, 0, frame, task});
  }
  // The list is a stack too: number from its far end, so that equals come out in the order of becoming ready.
  for (std::size_t i = heap_.size(); i > first; --i) heap_[i - 1].order = next_order_++;
  frame->in_heap_ += static_cast<std::uint32_t>(heap_.size() - first);
  for (std::size_t end = first + 1; end <= heap_.size(); ++end) {
    std::push_heap(heap_.begin(), heap_.begin() + static_cast<std::ptrdiff_t>(end), less_urgent);
  }
}

bool Scheduler::less_urgent(const Entry& a, const Entry& b) {
  if (a.priority != b.priority) return a.priority < b.priority;
  if (a.height != b.height) return a.height < b.height;
  if (a.sequence != b.sequence) return a.sequence > b.sequence;
  return a.order > b.order;
}

std::optional<Ready> Scheduler::next() {
  drain_inbox();
  while (!heap_.empty()) {
    std::pop_heap(heap_.begin(), heap_.end(), less_urgent);
    Entry entry = heap_.back();
    heap_.pop_back();
    --entry.frame->in_heap_;
    if (entry.frame->closed_) {
      release(entry.frame);
      continue;
    }
    entry.frame->state_[entry.task].store(TaskState::Taken, std::memory_order_relaxed);
    return Ready{entry.frame, entry.task};
  }
  return std::nullopt;
}

void Scheduler::close(Frame* frame) {
  frame->closed_ = true;
  release(frame);
}

/// Frees a closed frame once neither the heap nor the inbox refers to it.
void Scheduler::release(Frame* frame) {
  bool in_inbox = frame->ready_head_.load(std::memory_order_relaxed) != kNone;
  if (frame->closed_ && frame->in_heap_ == 0 && !in_inbox) Frame::destroy(frame);
}

}  // namespace gantry::scheduler
