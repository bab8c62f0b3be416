#pragma once

// The ready tasks of one worker, most urgent first; equals in the order in which they became ready. One thread.
//
// For each priority there is a list for each height that is in use, and a LevelSet of these heights: all operations take a
// few steps, however many tasks, heights and lists there are. Tasks come from the list on top, and often most of what
// becomes ready goes to one other list, or the same: both are at hand.

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <vector>

#include "scheduler/level_set.h"
#include "scheduler/ready_list.h"

namespace gantry::scheduler {

class ReadyQueue {
 public:
  void push_back(const ReadyRun& run, Urgency urgency) { list(urgency).push_back(run); }
  /// Before all that are equally urgent.
  void push_front(const ReadyRun& run, Urgency urgency) { list(urgency).push_front(run); }
  /// The list that was added to last, if it is of that urgency; or null.
  [[nodiscard]] ReadyList* latest(Urgency urgency) { return urgency == latest_urgency_ ? latest_ : nullptr; }

  /// What is most urgent, once turn() was asked after the list had become empty. It may be empty.
  [[nodiscard]] ReadyList& top() { return *top_; }
  [[nodiscard]] Urgency top_urgency() const { return top_urgency_; }
  /// Sees to it that the top list holds something. False when there is nothing, or nothing as urgent as `least`.
  bool turn(Urgency least = 0);

  /// Takes up to `most` of the most urgent runs that are equally urgent; the first one first. It must not be empty.
  std::size_t pop_front(ReadyRun* runs, std::size_t most, Urgency& urgency);
  /// Takes runs for others, up to `most` that are equally urgent, in their order: half of the runs behind those of the first `kept`
  /// tasks, of the most urgent ones the last; where there are none, half of the tasks. 0 when there is nothing besides. The top
  /// list must hold something.
  std::size_t pop_back(ReadyRun* runs, std::size_t most, std::size_t kept, Urgency& urgency);

  [[nodiscard]] bool empty() const { return top_->empty() && lists_in_use_ <= 1; }
  /// What it has taken from the heap, in bytes.
  [[nodiscard]] std::size_t bytes() const;

 private:
  struct Priority {
    std::vector<Index> list;  ///< per height: in lists_; kNone: none
    LevelSet levels;          ///< of the lists
  };
  using Priorities = std::map<std::uint32_t, Priority, std::greater<>>;

  ReadyList& list(Urgency urgency) {
    if (urgency != latest_urgency_) latest_ = &find(urgency), latest_urgency_ = urgency;
    return *latest_;
  }
  /// That of an urgency, which is made if there is none.
  ReadyList& find(Urgency urgency) {
    const auto level = static_cast<std::uint32_t>(urgency);
    if (latest_priority_ != nullptr && urgency >> 32 == latest_priority_number_ && level < latest_priority_->list.size()) {
      if (const Index index = latest_priority_->list[level]; index != kNone) return lists_[index];
    }
    return add(urgency);
  }
  ReadyList& add(Urgency urgency);
  void release(Urgency urgency);
  /// The most urgent one but for the top list; or null.
  ReadyList* second(Urgency& urgency);

  static constexpr Urgency kNoUrgency = ~Urgency{0};  ///< greater than any (LevelSet::kMost)

  Priorities priorities_;
  std::deque<ReadyList> lists_{1};  ///< the first one always empty
  std::vector<Index> free_;         ///< of lists_
  std::size_t lists_in_use_ = 0;    ///< all but the top one hold something
  ReadyList* top_ = &lists_.front();
  Urgency top_urgency_ = 0;
  ReadyList* latest_ = nullptr;
  Priority* latest_priority_ = nullptr;
  std::uint32_t latest_priority_number_ = 0;
  Urgency latest_urgency_ = kNoUrgency;
};

}  // namespace gantry::scheduler
