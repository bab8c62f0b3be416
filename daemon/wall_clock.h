#pragma once

// The wall clock, with an eye on whoever sets it. Loop thread.

#include <functional>

#include "base/clock.h"

namespace gantry {

class WallClock {
 public:
  using Reading = std::function<Time()>;
  /// `passed`: a clock that nobody sets; only its differences count. `was_set` is told by how much the wall clock was set, before
  /// now() returns the first time that is different for it.
  WallClock(Reading wall, Reading passed, std::function<void(Duration)> was_set);

  Time now();

 private:
  /// What is less is adjusted in passing, by NTP.
  static constexpr Duration kStep = std::chrono::seconds(1);

  Reading wall_, passed_;
  std::function<void(Duration)> was_set_;
  Duration ahead_;  ///< of `passed`
};

}  // namespace gantry
