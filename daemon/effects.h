#pragma once

// Carries out what the engine decides: the joint between the engine, the store and the runtime.
//
//   now effects      at once
//   changes          gathered over a turn of the loop, then one transaction; while it syncs the
//   next one is gathered durable effects  once the transaction that holds their output's changes is
//   committed (intent before effect)
//
// At most one transaction is under way, so outputs are carried out in the order of their events
// whatever fails. A transaction that fails is tried again every second, with what was gathered
// since, until the disk has room again; but runs that it would have created are given up, and their
// submitters told.
//
// Loop thread.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include <absl/container/flat_hash_map.h>

#include "base/executor.h"
#include "daemon/artifact_mover.h"
#include "daemon/engine/engine.h"
#include "daemon/http_requests.h"
#include "daemon/objects.h"
#include "daemon/policy.h"
#include "daemon/store.h"
#include "runtime/runtime.h"

namespace gantry {

/// Pods carry this label with the id of the daemon that made them.
inline constexpr const char* kInstanceLabel = "gantry.io/daemon";

class Effects {
 public:
  struct Hooks {
    std::function<Time()> now;
    /// A run changed, or its nodes did. The engine must not be called from here.
    std::function<void(const engine::Changed&)> changed;
    std::function<void(const std::string&)> log;  ///< for the operator
    /// The store cannot write (the reason), or can again (nothing). Told when that changes.
    std::function<void(const std::optional<Error>&)> trouble = {};
  };
  using Durable = std::function<void(Result<void>)>;

  /// Everything outlives the effects. `instance` tells the pods of this daemon from those of others
  /// that share the containerd.
  Effects(engine::Engine& engine, Store& store, const Objects& objects, Policy policy,
          std::string instance, Executor& executor, Hooks hooks);

  /// Must be called before the first apply().
  void set_runtime(runtime::Runtime& runtime) { runtime_ = &runtime; }
  /// Before the first apply(); without, pods with artifacts fail.
  void set_artifacts(ArtifactMover& mover) { mover_ = &mover; }

  void apply(engine::Output output);
  /// As apply(); `durable` is called once it is committed, or with the reason why the run was given
  /// up. `origin` is stored with the run.
  void submit(const std::string& uid, engine::Output output, RunOrigin origin, Durable durable);
  /// Makes the engine forget the run, and deletes it from the store.
  void erase(const std::string& uid, Durable durable);
  /// Changes a run that the engine does not have.
  void write_status(const std::string& uid, const engine::RunStatus& status);
  /// In the transaction of what is applied in this turn.
  void write_status(ResourceStatus status);
  /// An event of a run, in the transaction of what is applied in this turn.
  void record(StoreBatch::EventRow event);
  /// Calls `callback` once all that was applied so far is committed; at once when it is.
  void after_commit(std::function<void()> callback);
  /// For those who only want to read: as after_commit, but a store that cannot write is not waited for.
  void after_news(std::function<void()> callback);

  /// Sends what was gathered. To be called at the end of every turn of the loop.
  void end_turn();
  /// Why the store could not write when it was last tried; nothing: it could.
  [[nodiscard]] const std::optional<Error>& trouble() const { return trouble_; }
  [[nodiscard]] bool idle() const { return !in_flight_ && gathered_.nothing(); }
  /// Pods that the runtime is clearing away.
  [[nodiscard]] bool removing() const { return !removing_.empty() || !strangers_.empty(); }
  /// Clears away a pod that no run has. A run may get one of the same id meanwhile: what is to be done with that waits.
  void remove_stranger(const std::string& pod);
  /// False when it was a stranger, of which the engine need not hear.
  bool pod_removed(const std::string& pod);
  /// Saves the pod's artifacts, then tells the engine.
  void pod_exited(const std::string& pod, runtime::PodExit exit);
  /// The number of the transaction that is being gathered, and of the last one committed.
  [[nodiscard]] std::uint64_t gathering() const { return number_; }
  [[nodiscard]] std::uint64_t committed() const { return committed_; }

 private:
  struct Gathered {
    StoreBatch batch;
    std::unordered_map<std::string, std::size_t> run_at;   // uid → index in batch.runs
    // Run's uid and node's id, which are the texts of the row → batch.nodes
    absl::flat_hash_map<std::pair<std::string_view, std::string_view>, std::size_t> node_at;
    std::vector<engine::Effect> effects;
    struct Waiter {
      std::string created_uid;  // empty: not the submitter of a run
      Durable durable;
      bool reads = false;  // has nothing stored: need not wait for a store that cannot write
    };
    std::vector<Waiter> waiters;

    void add(StoreBatch::RunRow row);
    void add(StoreBatch::NodeRow row);
    void add(ResourceStatus status);
    /// Of a node that is no more; news of it from before need not be stored.
    void add_deleted(StoreBatch::NodeKey key);
    /// A deleted run's other news need not be stored.
    void add_deleted(const std::string& uid);
    void index_runs();
    void index_nodes();
    /// Leaves everything else here.
    std::shared_ptr<const StoreBatch> take_batch();
    [[nodiscard]] bool nothing() const {
      return batch.empty() && effects.empty() && waiters.empty();
    }
  };

  void gather(const engine::Changed& changed);
  void written(const Result<void>& result);
  void finish(Gathered done);
  void give_up_and_retry(const Error& error);

  void carry_out(engine::Effect effect);
  void prepare(engine::PreparePod effect);
  void adopt(engine::AdoptPod effect);
  void list_artifacts(const engine::ListArtifacts& list);
  void look_at_host_paths(runtime::PodSpec pod, ArtifactMover::Loaded done);
  void load_artifacts(engine::PreparePod effect, ArtifactMover::Loaded done);
  void hand_over(const std::string& pod, std::function<void()> deliver);
  void pod_failed(const std::string& pod, Error error);
  /// The pod belongs to a run that was not given up or deleted.
  [[nodiscard]] bool is_wanted(const std::string& pod) const;
  /// True when the effect waits for a pod that the runtime does not have yet.
  bool hold(const std::string& pod, engine::Effect& effect);

  engine::Engine& engine_;
  Store& store_;
  const Objects& objects_;
  const Policy policy_;
  const std::string instance_;
  Executor& executor_;
  Hooks hooks_;
  runtime::Runtime* runtime_ = nullptr;
  ArtifactMover* mover_ = nullptr;
  HttpRequests requests_;

  Gathered gathered_;
  Gathered sent_;  // while in_flight_; without its batch
  std::shared_ptr<const StoreBatch> sent_batch_;
  bool in_flight_ = false;
  bool retry_waits_ = false;
  std::optional<Error> trouble_;
  std::uint64_t number_ = 1;
  std::uint64_t committed_ = 0;
  std::unordered_set<std::string> removing_;
  std::unordered_set<std::string> strangers_;  ///< being removed
  /// Pods whose host paths a worker resolves, whose artifacts are being loaded, or whose id a stranger still has → what
  /// came for them meanwhile.
  std::unordered_map<std::string, std::vector<engine::Effect>> held_;
};

}  // namespace gantry
