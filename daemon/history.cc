#include "daemon/history.h"

#include <utility>

namespace gantry {

constexpr std::size_t kBatch = 100;
constexpr Duration kEvery = std::chrono::minutes(1);
/// Between two batches, so that the work of the day comes in between.
constexpr Duration kPause = std::chrono::milliseconds(100);

struct History::State {
  HistoryLimits limits;
  Store& store;
  Executor& executor;
  std::function<Time()> now;
  Remove remove;
};

History::History(HistoryLimits limits, Store& store, Executor& executor, std::function<Time()> now, Remove remove)
    : state_(std::make_shared<State>(State{limits, store, executor, std::move(now), std::move(remove)})) {}

History::~History() = default;

void History::start() {
  const HistoryLimits& limits = state_->limits;
  if (limits.max_age > Duration::zero() || limits.max_workflows > 0 || limits.max_size > 0) look(state_);
}

void History::look_later(const std::shared_ptr<State>& state, Duration delay) {
  state->executor.after(delay, [weak = std::weak_ptr(state)] {
    if (auto alive = weak.lock()) look(alive);
  });
}

void History::look(const std::shared_ptr<State>& state) {
  state->store.load_surplus(
      state->limits, state->now(), kBatch,
      [weak = std::weak_ptr(state)](Result<std::vector<std::string>> uids) {
        auto alive = weak.lock();
        if (!alive) return;
        // A store that cannot be read says so elsewhere; a minute later is early enough.
        if (!uids || uids->empty()) return look_later(alive, kEvery);
        // The next look must not find these again.
        auto open = std::make_shared<std::size_t>(uids->size());
        for (const std::string& uid : *uids) {
          alive->remove(uid, [weak, open] {
            if (--*open > 0) return;
            if (auto still = weak.lock()) look_later(still, kPause);
          });
        }
      });
}

}  // namespace gantry
