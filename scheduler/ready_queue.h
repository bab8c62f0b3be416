#pragma once

// The ready tasks of one worker, most urgent first; equals in the order in which they became ready. One thread.
//
// For each priority there is a list of runs for each height, and a LevelSet of the heights whose list is not empty: all
// operations take a few steps, however many tasks, heights and lists there are.

#include <cstdint>
#include <functional>
#include <map>
#include <utility>
#include <vector>

#include "scheduler/level_set.h"
#include "scheduler/run.h"

namespace gantry::scheduler {

class ReadyQueue {
 public:
  void push_back(const ReadyRun& run) {
    if (run.urgency == latest_.urgency && *latest_.last != kNone) {
      const Index entry = take_entry();
      Index& last = *latest_.last;
      fill(entries_[entry], run, entries_[last].next);
      entries_[last].next = entry;
      last = entry;
      ++runs_;
    } else {
      link(run, false);
    }
  }
  /// Before all that are equally urgent: for what was taken and not used up.
  void push_front(const ReadyRun& run) { link(run, true); }

  /// Takes the most urgent runs, up to `most` that are equally urgent; the first one first. None when these are less urgent
  /// than `least`. It must not be empty.
  std::size_t pop(ReadyRun* runs, std::size_t most, Urgency least = 0);

  [[nodiscard]] bool empty() const { return runs_ == 0; }
  /// Runs, not tasks.
  [[nodiscard]] std::size_t size() const { return runs_; }
  /// What it has taken from the heap, in bytes.
  [[nodiscard]] std::size_t bytes() const;

 private:
  struct Entry {
    Frame* frame;
    Index first, size;  ///< the run, as a position in Topology::successors
    Index next;         ///< in its list, which is a ring; or in the list of free entries
  };
  struct Priority {
    std::vector<Index> last;  ///< per height: the last entry of the ring, whose next is the first; kNone: there is none
    LevelSet levels;
  };
  static void fill(Entry& entry, const ReadyRun& run, Index next) {
    entry.frame = run.frame;
    entry.first = run.frame->position(run.first);
    entry.size = run.size();
    entry.next = next;
  }
  void link(const ReadyRun& run, bool front);
  Index take_entry() {
    if (free_ != kNone) return std::exchange(free_, entries_[free_].next);
    entries_.emplace_back();
    return static_cast<Index>(entries_.size() - 1);
  }

  std::vector<Entry> entries_;
  Index free_ = kNone;
  std::size_t runs_ = 0;
  std::map<std::uint32_t, Priority, std::greater<>> priorities_;
  /// The list that was added to last: most pushes go where the one before them went.
  Index no_list_ = kNone;
  struct {
    Urgency urgency = 0;
    Index* last;
  } latest_{0, &no_list_};
};

}  // namespace gantry::scheduler
