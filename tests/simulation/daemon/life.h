#pragma once

// One life of the daemon: the real Daemon with its backend, store and sweeper, put together as gantryd does it. It ends in
// order, or is cut off between two tasks of its loop, between two of its effects (what it asks of containerd, what it
// answers to clients) or between two changes of the disk.

#include <memory>
#include <optional>
#include <string>

#include "daemon/backend.h"
#include "daemon/daemon.h"
#include "daemon/sweeper.h"
#include "tests/simulation/daemon/containerd.h"
#include "tests/simulation/daemon/loop.h"

namespace gantry::testing::whole {

inline constexpr const char* kStorePath = "/gantry.db";
inline constexpr const char* kInstance = "the-daemon";

class Life final : public RunObserver {
 public:
  struct Hooks {
    std::function<void()> store_opened;
    std::function<void()> serving;               ///< recovery is over
    std::function<void(const engine::Run&)> changed;
    std::function<void()> over;                  ///< cut off, stopped, or given up; called once, on nobody's loop
  };
  Life(Machine& machine, SimulatedContainerd& containerd, engine::Settings settings, Hooks hooks);
  ~Life() override;

  /// Runs a task on the loop.
  void turn(const std::function<void()>& task);
  /// An effect is about to happen. False: the daemon is dead, and it does not.
  bool effect(const std::string& what);

  void cut_off();
  /// Cuts it off before the next effect but `effects`.
  void cut_off_after(std::size_t effects) { effects_left_ = effects; }
  /// As SIGTERM does.
  void stop();
  void sweep();

  [[nodiscard]] bool alive() const { return loop_.alive(); }
  [[nodiscard]] bool was_cut_off() const { return cut_off_; }
  [[nodiscard]] bool serves() const { return backend_ != nullptr && !stopping_; }
  [[nodiscard]] const std::optional<Error>& failure() const { return failure_; }
  Daemon& daemon() { return *daemon_; }
  DaemonBackend& backend() { return *backend_; }

  void run_changed(const std::string& uid) override;
  void turn_ended() override {}

 private:
  void open();
  void recovered(const Result<std::size_t>& runs);
  void end_turn();
  void look_at_disk();
  void end();
  void give_up(const Error& error);

  Machine& machine_;
  SimulatedContainerd& containerd_;
  const engine::Settings engine_settings_;
  const Hooks hooks_;
  SimulatedLoop loop_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Daemon> daemon_;
  std::unique_ptr<DaemonBackend> backend_;
  std::unique_ptr<Sweeper> sweeper_;
  std::optional<std::size_t> effects_left_;
  std::optional<Error> failure_;
  bool end_of_turn_waits_ = false;
  bool stopping_ = false;
  bool cut_off_ = false;
};

}  // namespace gantry::testing::whole
