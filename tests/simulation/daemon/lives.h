#pragma once

// One life of the daemon after the other on one machine: what systemd does, and what ends them.

#include <memory>

#include "tests/simulation/daemon/clients.h"
#include "tests/simulation/daemon/life.h"
#include "tests/simulation/daemon/mishap.h"
#include "tests/simulation/daemon/promises.h"

namespace gantry::testing::whole {

class Lives {
 public:
  Lives(Machine& machine, SimulatedContainerd& containerd, engine::Settings settings);

  Clients clients;
  Promises promises;

  void begin();
  void disturb(const Mishap& mishap);
  /// Nothing goes wrong any more.
  void calm();
  /// Everything is at rest, and the daemon sweeps, as it does every five minutes.
  void sweep();
  /// Ends the daemon in order, for good.
  void end();
  [[nodiscard]] Life* life() { return life_.get(); }

 private:
  void over();
  void cut_off_disk();
  void fill_disk(std::uint64_t roll);

  Machine& machine_;
  SimulatedContainerd& containerd_;
  const engine::Settings settings_;
  std::unique_ptr<Life> life_;
  bool power_fails_ = false;  ///< when this life is cut off
  bool last_ = false;
  int lives_ = 0;
};

/// Makes the store of a daemon that has lived before, with the ConfigMap of the semaphores.
void make_store(LossyVfs& disk);

}  // namespace gantry::testing::whole
