#pragma once

// The daemon, less its sockets: joins the engine, the store, the runtime and the Secrets. What
// happens comes in here, goes to the engine, and what the engine decides is carried out by Effects.
// The API sees all of it through the Backend.
//
// Loop thread. Knows no libuv and no gRPC: tests drive it with a queue and a fake runtime.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/executor.h"
#include "base/ids.h"
#include "daemon/admission.h"
#include "daemon/boot.h"
#include "daemon/effects.h"
#include "daemon/engine/engine.h"
#include "daemon/objects.h"
#include "daemon/policy.h"
#include "daemon/recovery_log.h"
#include "daemon/resources.h"
#include "daemon/store.h"
#include "runtime/runtime.h"
#include "workflow/limits.h"

namespace gantry {

/// Who wants to know about runs. The engine must not be called from here.
class RunObserver {
 public:
  virtual ~RunObserver() = default;
  /// The run or its nodes changed; the engine has the new state.
  virtual void run_changed(const std::string& uid) = 0;
  /// The turn is over: the time to tell others, once for all that changed.
  virtual void turn_ended() = 0;
};

class Daemon final : public runtime::Listener {
 public:
  struct Settings {
    engine::Settings engine;
    Policy policy;
    workflow::Limits limits;  ///< of documents
    std::string instance;     ///< this daemon's id, the same in all its lives
    std::string log_root;     ///< absolute; <run uid>/<pod name>/<container>.stdout below it
    std::string artifact_gc;  ///< artifactGC.strategy of artifacts that nobody gave one
    std::optional<BootRecord> boot;  ///< none: nobody asks whether the host was rebooted
    std::string recovery_log;        ///< the file of RecoveryLog; empty: none
  };
  struct Environment {
    Store& store;
    Executor& executor;
    std::function<Time()> now;
    std::function<void(const std::string&)> log;  ///< for the operator
    std::function<std::string()> new_uid = random_uuid;  ///< of a run; none comes twice
  };

  Daemon(Settings settings, Environment environment);
  /// Opens the artifact repository; before recover(). Without it, steps with artifacts fail.
  Result<void> open_artifacts(ArtifactMover::Settings settings);

  /// The runtime needs a listener to be made, so it comes afterwards; before recover().
  void set_runtime(runtime::Runtime& runtime);
  /// The wall clock was set by so much.
  void clock_was_set(Duration by) { engine_.clock_was_set(by); }
  void add_observer(RunObserver& observer) { observers_.push_back(&observer); }

  /// Loads Secrets, ConfigMaps and the objects around workflows, and takes up the runs that were not over. A run that cannot be
  /// taken up, or that killed the daemon twice when it was, ends in Error with the reason, and hinders no other. Steps
  /// that ran when the host was rebooted are errors, which their retry strategies see. `done` gets how many were taken
  /// up, or why the store is unusable.
  void recover(std::function<void(Result<std::size_t>)> done);
  /// Removes pods of this daemon that no live run owns: what an earlier life left behind. After
  /// recover().
  void remove_strangers(const std::vector<runtime::FoundPod>& pods);

  /// Ends a turn of the loop: stores what was gathered, tells the observers, lets go of runs that
  /// are over.
  void end_turn();
  /// Takes no more events; `done` is called once all that was decided is stored. Steps go on under
  /// the runtime and are taken over by the next life.
  void stop(std::function<void()> done);

  // runtime::Listener
  void on_prepared(const std::string& pod) override;
  void on_failed(const std::string& pod, const Error& error) override;
  void on_started(const std::string& pod, Time at) override;
  void on_container(const std::string& pod, const std::string& container,
                    const runtime::ContainerChange& change) override;
  void on_ready(const std::string& pod, const std::string& address) override;
  void on_output(const std::string& pod, const std::string& output, const std::string& content) override;
  void on_exited(const std::string& pod, runtime::PodExit exit) override;
  void on_lost(const std::string& pod, const Error& error) override;
  void on_removed(const std::string& pod) override;
  void on_progress(const std::string& pod, const std::string& what) override;
  void on_connected(bool connected) override;

  // For the backend.
  [[nodiscard]] engine::Engine& engine() { return engine_; }
  [[nodiscard]] Effects& effects() { return effects_; }
  [[nodiscard]] Admission& admission() { return admission_; }
  /// Writes down what happened to a run, and who did it.
  void record(const std::string& uid, std::string reason, std::string message) {
    effects_.record({.run_uid = uid, .at = now(), .node_id = {}, .reason = std::move(reason), .message = std::move(message)});
  }
  [[nodiscard]] Objects& objects() { return objects_; }
  [[nodiscard]] Resources& resources() { return resources_; }
  [[nodiscard]] ArtifactMover* artifacts() { return mover_.get(); }  ///< null: there are none
  [[nodiscard]] Store& store() { return environment_.store; }
  [[nodiscard]] Executor& executor() { return environment_.executor; }
  [[nodiscard]] runtime::Runtime& runtime() { return *runtime_; }
  [[nodiscard]] const Settings& settings() const { return settings_; }
  [[nodiscard]] Time now() const { return environment_.now(); }
  [[nodiscard]] std::string new_uid() const { return environment_.new_uid(); }
  void log(const std::string& text) const { environment_.log(text); }
  [[nodiscard]] bool connected() const { return connected_; }
  [[nodiscard]] bool stopping() const { return stopping_; }

  /// Something is still being stored or cleared away.
  [[nodiscard]] bool busy() const { return !effects_.idle() || effects_.removing(); }

  struct Load {
    std::size_t runs = 0;   ///< not over
    std::size_t steps = 0;  ///< pods that run
  };
  [[nodiscard]] Load load() const;

 private:
  struct Recovered;  // a run
  struct Recovery;   // all of them
  void changed(const engine::Changed& changed);
  // recovery.cc, one after the other
  void survive_reboot(const std::shared_ptr<Recovery>& recovery);
  void compile(const std::shared_ptr<Recovery>& recovery);
  void await_undoing(const std::shared_ptr<Recovery>& recovery);
  void take_up(Recovery& recovery);
  void restore(Recovered& recovered);
  void drop_ended();

  Settings settings_;
  Environment environment_;
  Objects objects_;
  engine::Engine engine_;
  Resources resources_;
  Admission admission_;
  std::unique_ptr<ArtifactMover> mover_;
  Effects effects_;
  runtime::Runtime* runtime_ = nullptr;
  std::vector<RunObserver*> observers_;
  /// Runs that are over → the transaction that holds the last news of them.
  std::unordered_map<std::string, std::uint64_t> ended_;
  bool connected_ = false;
  bool stopping_ = false;
};

}  // namespace gantry
