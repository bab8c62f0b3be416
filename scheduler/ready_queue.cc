#include "scheduler/ready_queue.h"

#include <algorithm>
#include <utility>

namespace gantry::scheduler {

namespace {
/// Priorities that are not in use are kept up to here, with the memory of their heights.
constexpr std::size_t kKeptPriorities = 8;
/// Lists that are not in use are kept up to here, with the memory of their runs.
constexpr std::size_t kKeptLists = 8;

constexpr std::uint32_t priority_of(Urgency urgency) { return static_cast<std::uint32_t>(urgency >> 32); }
constexpr std::uint32_t level_of(Urgency urgency) { return static_cast<std::uint32_t>(urgency); }
constexpr Urgency urgency_of(std::uint32_t priority, std::uint32_t level) { return (Urgency{priority} << 32) | level; }
}  // namespace

ReadyList& ReadyQueue::add(Urgency urgency) {
  Priority& priority = priorities_[priority_of(urgency)];
  const std::uint32_t level = level_of(urgency);
  if (level >= priority.list.size()) {
    priority.list.resize(level + 1, kNone);
    priority.levels.grow(level + 1);
  }
  Index& index = priority.list[level];
  if (index == kNone) {
    if (free_.empty()) {
      index = static_cast<Index>(lists_.size());
      lists_.emplace_back();
    } else {
      index = free_.back();
      free_.pop_back();
    }
    priority.levels.insert(level);
    ++lists_in_use_;
    const bool is_first = top_ == &lists_.front();
    if (is_first || urgency > top_urgency_) {
      const bool was_empty = !is_first && top_->empty();
      const Urgency before = std::exchange(top_urgency_, urgency);
      top_ = &lists_[index];
      if (was_empty) release(before);
    }
  }
  latest_priority_ = &priority;
  latest_priority_number_ = priority_of(urgency);
  return lists_[index];
}

void ReadyQueue::release(Urgency urgency) {
  const auto priority = priorities_.find(priority_of(urgency));
  const std::uint32_t level = level_of(urgency);
  const Index index = std::exchange(priority->second.list[level], kNone);
  priority->second.levels.erase(level);
  if (free_.size() >= kKeptLists) lists_[index] = {};
  free_.push_back(index);
  --lists_in_use_;
  if (latest_ == &lists_[index]) latest_urgency_ = kNoUrgency;
  if (priorities_.size() > kKeptPriorities && priority->second.levels.empty()) {
    latest_priority_ = nullptr;
    priorities_.erase(priority);
  }
}

bool ReadyQueue::turn(Urgency least) {
  if (!top_->empty()) return top_urgency_ >= least;
  if (lists_in_use_ == 0) return false;
  release(top_urgency_);
  top_ = &lists_.front();
  if (lists_in_use_ == 0) return false;
  auto priority = priorities_.begin();
  while (priority->second.levels.empty()) ++priority;
  const std::uint32_t level = priority->second.levels.greatest();
  top_ = &lists_[priority->second.list[level]];
  top_urgency_ = urgency_of(priority->first, level);
  return top_urgency_ >= least;
}

ReadyList* ReadyQueue::second(Urgency& urgency) {
  for (auto& [number, priority] : priorities_) {
    const bool has_top = number == priority_of(top_urgency_);
    if (has_top) priority.levels.erase(level_of(top_urgency_));
    const bool found = !priority.levels.empty();
    const std::uint32_t level = found ? priority.levels.greatest() : 0;
    if (has_top) priority.levels.insert(level_of(top_urgency_));
    if (!found) continue;
    urgency = urgency_of(number, level);
    return &lists_[priority.list[level]];
  }
  return nullptr;
}

std::size_t ReadyQueue::pop_front(ReadyRun* runs, std::size_t most, Urgency& urgency) {
  turn();
  urgency = top_urgency_;
  std::size_t count = 0;
  for (; count < most && !top_->empty(); ++count) {
    runs[count] = top_->front();
    top_->pop_front();
  }
  return count;
}

std::size_t ReadyQueue::pop_back(ReadyRun* runs, std::size_t most, std::size_t kept, Urgency& urgency) {
  ReadyList* list = top_;
  urgency = top_urgency_;
  Index kept_runs = 0;
  std::size_t tasks = 0;
  while (tasks < kept && kept_runs < list->size()) tasks += list->look_ahead(kept_runs++).size;
  if (kept_runs == list->size()) {
    if (tasks > kept) {
      ReadyRun& run = list->back();
      const auto half = static_cast<Index>((tasks - kept + 1) / 2);
      run.size -= half;
      runs[0] = {run.frame, run.first + run.size, half};
      return 1;
    }
    if (lists_in_use_ <= 1) return 0;
    list = second(urgency);
    kept_runs = 0;
  }
  const std::size_t count = std::min<std::size_t>((list->size() - kept_runs + 1) / 2, most);
  for (std::size_t i = count; i-- > 0;) {
    runs[i] = list->back();
    list->pop_back();
  }
  if (list != top_ && list->empty()) release(urgency);
  return count;
}

std::size_t ReadyQueue::bytes() const {
  std::size_t sum = lists_.size() * sizeof(ReadyList) + free_.capacity() * sizeof(Index);
  for (const ReadyList& list : lists_) sum += list.bytes();
  for (const auto& [number, priority] : priorities_) {
    sum += priority.list.capacity() * sizeof(Index) + priority.levels.bytes();
  }
  return sum;
}

}  // namespace gantry::scheduler
