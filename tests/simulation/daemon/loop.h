#pragma once

// The threads of one life of the daemon, one after the other: what is posted runs in order, what is offloaded takes a
// while, the store's work comes between. Once the life is over none of it happens any more.

#include <memory>

#include "base/executor.h"
#include "daemon/store_worker.h"
#include "tests/simulation/daemon/machine.h"

namespace gantry::testing::whole {

class SimulatedLoop final : public Executor {
 public:
  using Turn = std::function<void(const std::function<void()>&)>;
  /// `turn` runs one task on the loop. `stored` is called after the store has worked.
  SimulatedLoop(Machine& machine, Turn turn, std::function<void()> stored)
      : machine_(machine), turn_(std::move(turn)), stored_(std::move(stored)) {}
  ~SimulatedLoop() override { end(); }

  /// Nothing of what was set in motion happens any more.
  void end() { *alive_ = false; }
  [[nodiscard]] bool alive() const { return *alive_; }
  /// Runs `task` outside of the loop after a delay, if the life lasts.
  void later(Duration delay, std::function<void()> task);

  void post(std::function<void()> task) override;
  void offload(std::function<void()> work, std::function<void()> done) override;
  void after(Duration delay, std::function<void()> task) override;

  std::unique_ptr<StoreWorker> store_worker(const std::string& name, std::function<void()> work);

 private:
  friend class SimulatedStoreWorker;
  Machine& machine_;
  Turn turn_;
  std::function<void()> stored_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  Time last_post_{};
};

}  // namespace gantry::testing::whole
