#include "daemon/alarm.h"

#include <algorithm>
#include <utility>

namespace gantry {

struct Alarm::State : std::enable_shared_from_this<State> {
  static constexpr Duration kLongest = std::chrono::seconds(30);

  Executor& executor;
  std::function<Time()> now;
  std::function<void()> ring;
  std::optional<Time> at;       ///< when it is to ring
  std::optional<Time> waiting;  ///< when the first of the tasks that wait will look

  State(Executor& e, std::function<Time()> n, std::function<void()> r)
      : executor(e), now(std::move(n)), ring(std::move(r)) {}

  /// Sees to it that a task looks in time; there is no cancelling, so none is added without need.
  void arm() {
    if (!at) return;
    const Time present = now();
    const Duration delay = std::clamp(*at - present, Duration::zero(), kLongest);
    if (waiting && *waiting <= present + delay && *waiting >= present) return;
    waiting = present + delay;
    executor.after(delay, [weak = weak_from_this()] {
      if (auto state = weak.lock()) state->look();
    });
  }

  void look() {
    waiting.reset();
    if (at && *at <= now()) {
      at.reset();
      ring();
    }
    arm();
  }
};

Alarm::Alarm(Executor& executor, std::function<Time()> now, std::function<void()> ring)
    : state_(std::make_shared<State>(executor, std::move(now), std::move(ring))) {}

Alarm::~Alarm() = default;

void Alarm::set(std::optional<Time> at) {
  state_->at = at;
  state_->arm();
}

}  // namespace gantry
