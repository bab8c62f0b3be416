#include "scheduler/ready_queue.h"

namespace gantry::scheduler {

namespace {
/// Priorities that are not in use are kept up to here, with the memory of their lists.
constexpr std::size_t kKeptPriorities = 8;
}  // namespace

void ReadyQueue::link(const ReadyRun& run, bool front) {
  Priority& priority = priorities_[static_cast<std::uint32_t>(run.urgency >> 32)];
  const auto level = static_cast<std::uint32_t>(run.urgency);
  if (level >= priority.last.size()) {
    priority.last.resize(level + 1, kNone);
    priority.levels.grow(level + 1);
  }
  const Index entry = take_entry();
  Index& last = priority.last[level];
  Index next = entry;
  if (last == kNone) {
    last = entry;
    priority.levels.insert(level);
  } else {
    next = std::exchange(entries_[last].next, entry);
    if (!front) last = entry;
  }
  fill(entries_[entry], run, next);
  ++runs_;
  latest_ = {run.urgency, &last};
}

std::size_t ReadyQueue::pop(ReadyRun* runs, std::size_t most, Urgency least) {
  auto top = priorities_.begin();
  while (top->second.levels.empty()) ++top;
  Priority& priority = top->second;
  const std::uint32_t level = priority.levels.greatest();
  const Urgency urgency = (static_cast<Urgency>(top->first) << 32) | level;
  if (urgency < least) return 0;
  Index& last = priority.last[level];
  const Index first = entries_[last].next;
  Index entry = first, taken_last = first;
  std::size_t count = 0;
  for (bool more = true; more && count < most; ++count) {
    const Entry& taken = entries_[entry];
    const Index* begin = taken.frame->at(taken.first);
    runs[count] = {taken.frame, begin, begin + taken.size, urgency};
    more = entry != last;
    taken_last = entry;
    entry = taken.next;
  }
  if (taken_last == last) {
    last = kNone;
    priority.levels.erase(level);
    if (priorities_.size() > kKeptPriorities && priority.levels.empty()) {
      latest_ = {0, &no_list_};
      priorities_.erase(top);
    }
  } else {
    entries_[last].next = entry;
  }
  entries_[taken_last].next = std::exchange(free_, first);
  runs_ -= count;
  return count;
}

std::size_t ReadyQueue::bytes() const {
  std::size_t sum = entries_.capacity() * sizeof(Entry);
  for (const auto& [number, priority] : priorities_) {
    sum += priority.last.capacity() * sizeof(Index) + priority.levels.bytes();
  }
  return sum;
}

}  // namespace gantry::scheduler
