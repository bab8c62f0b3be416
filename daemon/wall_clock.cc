#include "daemon/wall_clock.h"

#include <utility>

namespace gantry {

WallClock::WallClock(Reading wall, Reading passed, std::function<void(Duration)> was_set)
    : wall_(std::move(wall)), passed_(std::move(passed)), was_set_(std::move(was_set)), ahead_(wall_() - passed_()) {}

Time WallClock::now() {
  const Time wall = wall_();
  const Duration ahead = wall - passed_(), by = ahead - ahead_;
  if (std::chrono::abs(by) >= kStep) {
    ahead_ = ahead;
    was_set_(by);
  }
  return wall;
}

}  // namespace gantry
