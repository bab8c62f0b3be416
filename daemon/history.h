#pragma once

// Deletes the oldest workflows that are over when there are more of them, or older ones, than the
// configuration has room for; a few at a time, so that nobody waits for it. Loop thread.

#include <functional>
#include <memory>
#include <string>

#include "base/executor.h"
#include "daemon/store.h"

namespace gantry {

class History {
 public:
  /// Deletes a run if it is still over; `done` is called in any case.
  using Remove = std::function<void(const std::string& uid, std::function<void()> done)>;

  /// Everything outlives it. Looks every minute, once started.
  History(HistoryLimits limits, Store& store, Executor& executor, std::function<Time()> now, Remove remove);
  ~History();
  History(const History&) = delete;

  void start();

 private:
  struct State;
  static void look(const std::shared_ptr<State>& state);
  static void look_later(const std::shared_ptr<State>& state, Duration delay);
  std::shared_ptr<State> state_;  ///< what is under way holds it weakly
};

}  // namespace gantry
