#pragma once

// A daemon without its sockets, in virtual time and from a seed: the real engine and scheduler, the simulated runtime,
// and a store that needs time to commit and forgets what it had not committed when the daemon crashes.

#include <deque>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "daemon/engine/engine.h"
#include "runtime/simulated/simulated_runtime.h"

namespace gantry::testing {

class World : public runtime::Listener {
 public:
  struct Options {
    std::uint64_t seed = 1;
    runtime::SimulatedRuntime::Author author;
    engine::Settings settings;
    Duration slowest_commit{5};
    std::vector<std::string> keys;  ///< of every place of artifacts
    /// Sees every output of the engine before it is carried out.
    std::function<void(const engine::Output&)> watch;
    /// The daemon is gone, and the next one has not begun.
    std::function<void()> crashed;
    /// Answers the HTTP requests; none: they are never answered.
    std::function<Result<engine::Engine::HttpAnswer>(const engine::SendRequest&)> server;
    /// Hears of every pod that is prepared, before the runtime does.
    std::function<void(const engine::PreparePod&)> on_prepare;
  };
  explicit World(Options options);
  ~World() override;

  std::vector<engine::SendRequest> requests;  ///< that were sent and not cancelled

  /// Submits a run; its uid is its name.
  void submit(const std::string& name, workflow::PlanPtr plan);
  void submit(engine::RunInfo info, workflow::PlanPtr plan);
  /// `gantry retry` of a run that is over; why it is refused, or nothing.
  std::string retry(const std::string& uid, const engine::RetryRequest& request = {});
  /// `gantry resubmit --memoized`.
  std::string resubmit(const std::string& uid, const std::string& name);
  void shut_down(const std::string& uid, engine::Shutdown how);
  void forget(const std::string& uid);
  /// Carries out the answer of any other call of the engine; its error, or nothing.
  std::string apply(Result<engine::Output> output) {
    if (!output) return output.error().message;
    carry_out(std::move(*output));
    return {};
  }
  /// The daemon's clock, and the host's.
  [[nodiscard]] Time now() const { return runtime_.now() + ahead_; }
  /// Somebody sets the clock.
  void set_clock(Duration by) {
    ahead_ += by;
    engine_->clock_was_set(by);
  }
  /// Ends the daemon between two effects, and starts the next one at once on what was committed.
  void crash();
  /// Lets one thing happen. False when the world is at rest.
  bool step() { return runtime_.step(); }
  /// Until nothing happens any more. Returns the number of steps.
  std::size_t run_to_rest(std::size_t most = 1'000'000);

  struct StoredRun {
    engine::RunInfo info;
    engine::RunStatus status;
    std::map<std::string, engine::Node> nodes;  ///< by full name
    std::vector<std::string> order;             ///< names in order of creation
  };
  /// What is committed.
  [[nodiscard]] const std::map<std::string, StoredRun>& stored() const { return stored_; }
  /// The entries of the caches that are committed, in order.
  [[nodiscard]] const std::vector<engine::Memo>& memos() const { return memos_; }
  runtime::SimulatedRuntime& runtime() { return runtime_; }
  engine::Engine& engine() { return *engine_; }
  std::mt19937_64& random() { return random_; }
  [[nodiscard]] bool alive() const { return engine_ != nullptr; }

  void on_prepared(const std::string& pod) override { carry_out(engine_->pod_prepared(pod, now())); }
  void on_failed(const std::string& pod, const Error& e) override { carry_out(engine_->pod_failed(pod, e, now())); }
  void on_started(const std::string& pod, Time at) override { carry_out(engine_->pod_started(pod, at + ahead_, now())); }
  void on_exited(const std::string& pod, runtime::PodExit exit) override {
    for (auto& [name, container] : exit.containers) {
      if (container.started != Time{}) container.started += ahead_;
      container.finished += ahead_;
    }
    carry_out(engine_->pod_exited(pod, exit, now()));
  }
  void on_container(const std::string& pod, const std::string& container,
                    const runtime::ContainerChange& change) override {
    carry_out(engine_->pod_container(pod, container, change, now()));
  }
  void on_ready(const std::string& pod, const std::string& address) override {
    carry_out(engine_->pod_ready(pod, address, now()));
  }
  void on_output(const std::string& pod, const std::string& output, const std::string& content) override {
    carry_out(engine_->pod_output(pod, output, content, now()));
  }
  void on_lost(const std::string& pod, const Error& e) override { carry_out(engine_->pod_lost(pod, e, now())); }
  void on_removed(const std::string& pod) override { carry_out(engine_->pod_removed(pod, now())); }
  void on_progress(const std::string&, const std::string&) override {}
  void on_connected(bool) override {}

 private:
  void boot();
  void carry_out(engine::Output output, const std::string& deleted = "");
  struct Row {
    StoredRun run;
    std::vector<std::string> deleted;  ///< ids
  };
  void commit(const std::vector<Row>& rows);
  void perform(const engine::Effect& effect);

  Options options_;
  std::mt19937_64 random_;
  runtime::SimulatedRuntime runtime_;
  Duration ahead_{0};  ///< of the daemon's clock
  std::unique_ptr<engine::Engine> engine_;
  std::map<std::string, workflow::PlanPtr> plans_;
  std::map<std::string, StoredRun> stored_;
  std::vector<engine::Memo> memos_;
  std::uint64_t life_ = 0;          ///< of the daemon; what an earlier life set in motion is void
  Time last_commit_{};              ///< commits do not overtake each other
};

}  // namespace gantry::testing
