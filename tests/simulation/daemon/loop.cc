#include "tests/simulation/daemon/loop.h"

#include <algorithm>
#include <utility>

namespace gantry::testing::whole {

void SimulatedLoop::later(Duration delay, std::function<void()> task) {
  machine_.after(delay, [alive = alive_, task = std::move(task)] {
    if (*alive) task();
  });
}

void SimulatedLoop::post(std::function<void()> task) {
  // Never before what was posted earlier.
  last_post_ = std::max(last_post_, machine_.now() + machine_.a_while(1));
  later(last_post_ - machine_.now(), [this, task = std::move(task)] { turn_(task); });
}

void SimulatedLoop::offload(std::function<void()> work, std::function<void()> done) {
  later(machine_.a_while(10), [this, work = std::move(work), done = std::move(done)] {
    work();
    post(done);
  });
}

void SimulatedLoop::after(Duration delay, std::function<void()> task) {
  later(delay + machine_.a_while(1), [this, task = std::move(task)] { turn_(task); });
}

/// What it was woken for is done after a while. A life that stops in order has waited for it; one that is cut off has no
/// say any more.
class SimulatedStoreWorker final : public StoreWorker {
 public:
  SimulatedStoreWorker(SimulatedLoop& loop, std::function<void()> work) : loop_(loop), work_(std::move(work)) {}
  ~SimulatedStoreWorker() override { *exists_ = false; }
  void wake() override {
    if (std::exchange(woken_, true)) return;
    loop_.later(loop_.machine_.a_while(6), [this, exists = exists_] {
      if (!*exists) return;
      woken_ = false;
      work_();
      loop_.stored_();
    });
  }

 private:
  SimulatedLoop& loop_;
  const std::function<void()> work_;
  std::shared_ptr<bool> exists_ = std::make_shared<bool>(true);
  bool woken_ = false;
};

std::unique_ptr<StoreWorker> SimulatedLoop::store_worker(const std::string&, std::function<void()> work) {
  return std::make_unique<SimulatedStoreWorker>(*this, std::move(work));
}

}  // namespace gantry::testing::whole
