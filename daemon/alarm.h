#pragma once

// Something to be done at a time of the wall clock, on an Executor that knows delays only.

#include <functional>
#include <memory>
#include <optional>

#include "base/clock.h"
#include "base/executor.h"

namespace gantry {

/// Loop thread. The wall clock is looked at again every half minute at least, so that an alarm
/// rings in time however it is set meanwhile, and after the host has slept.
class Alarm {
 public:
  /// `executor` outlives the alarm; `ring` is called once for each time that was set, unless
  /// another took its place.
  Alarm(Executor& executor, std::function<Time()> now, std::function<void()> ring);
  ~Alarm();
  Alarm(const Alarm&) = delete;
  Alarm& operator=(const Alarm&) = delete;

  /// Takes the place of what was set; nothing: no alarm.
  void set(std::optional<Time> at);

 private:
  struct State;
  std::shared_ptr<State> state_;  ///< tasks that are waiting hold it weakly
};

}  // namespace gantry
