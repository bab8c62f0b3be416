#pragma once

// Looks every few seconds how much room the state directory's file system has, so that no workflow is
// taken that the store could not finish. Loop thread; the look itself is a worker's, because a file
// system may be slow to answer.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/executor.h"

namespace gantry {

/// What must be left free; 0: no matter.
struct DiskReserve {
  std::int64_t bytes = 256 << 20;
  std::int64_t inodes = 1000;
};

/// Why `directory`'s file system has too little room, or nothing. Blocks.
std::optional<std::string> look_at_disk(const std::string& directory, const DiskReserve& reserve);

class DiskWatch {
 public:
  /// `tell` hears of every look. `executor` outlives the watch.
  DiskWatch(std::string directory, DiskReserve reserve, Executor& executor,
            std::function<void(std::optional<std::string>)> tell);
  ~DiskWatch();
  DiskWatch(const DiskWatch&) = delete;

 private:
  struct State;
  static void look(const std::shared_ptr<State>& state);
  std::shared_ptr<State> state_;  ///< tasks that are under way hold it weakly
};

}  // namespace gantry
