#pragma once

// The first header of the room: runs, step states, retries, exit handlers, recovery. Events in, effects out.
//
// The engine is a state machine without I/O: no libuv, gRPC, SQLite, files or clock. The loop calls it with an event and
// the time, takes the Output, and carries it out:
//
//   1. `now` effects at once (they may be thrown away: preparing a pod runs nothing of the user's);
//   2. `changed` into the store, as one transaction;
//   3. `durable` effects once that transaction is committed (intent before effect: a pod is started only after the
//      store knows that it may have been).
//
// Outputs must be carried out in the order of their events. The same events give the same outputs, so the whole daemon
// runs in a simulation from a seed. One thread: the loop.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "daemon/engine/host.h"
#include "daemon/engine/pod_artifacts.h"
#include "daemon/engine/retry_run.h"
#include "daemon/engine/run.h"
#include "runtime/runtime.h"
#include "scheduler/admission.h"

namespace gantry::engine {

// ---- effects ----

/// Make a pod ready. References to Secrets and ConfigMaps in it are the loop's to resolve (on failure:
/// Engine::pod_failed). Its input artifacts are to be loaded first, and PodSpec::input_artifacts and
/// OutputArtifact::staged to be filled in. Once it has ended its outputs are to be saved; what became of each stands in
/// PodExit::artifacts when the engine gets that.
struct PreparePod { std::string name_space; runtime::PodSpec pod; PodArtifacts artifacts; };
/// Take over a pod that an earlier life of the daemon may have started.
struct AdoptPod { std::string name_space; runtime::PodSpec pod; PodArtifacts artifacts; };
struct StartPod { std::string pod; };
struct SignalPod { std::string pod; int signal; bool everything; };
/// Kill what is left of a pod and clear it away.
struct RemovePod { std::string pod; };
/// Delete the directories of the run's volume claims.
struct RemoveClaims { std::string run_uid; };
/// Make an HTTP request, then call Engine::request_ended(). The values of headers that come from Secrets are the loop's
/// to look up.
struct SendRequest {
  std::string id;
  std::string name_space;
  std::string method, url, body;
  struct Header {
    std::string name, value;
    std::string secret, key;  ///< instead of the value
    bool optional = false;
  };
  std::vector<Header> headers;
  std::optional<Duration> timeout;
  bool insecure_skip_verify = false;
};
/// List the keys below a place of artifacts, then call Engine::artifacts_listed().
struct ListArtifacts {
  std::string id, name_space;
  workflow::RepositoryRef repository;
  std::string location;
};
/// Nobody waits for the answer any more.
struct CancelRequest { std::string id; };
/// Delete what artifactGC says is no longer wanted; failures are for the operator's log.
struct RemoveArtifacts { std::string name_space; workflow::RepositoryRef repository; std::vector<Artifact> artifacts; };
/// Call Engine::timer_due(token) at or after `at`. A timer that is no longer wanted is ignored when it fires.
struct SetTimer { Time at; std::uint64_t token; };

using Effect = std::variant<PreparePod, AdoptPod, StartPod, SignalPod, RemovePod, RemoveClaims, RemoveArtifacts, SendRequest,
                            ListArtifacts, CancelRequest, SetTimer>;

/// What the store must take in, and the watchers be told. Pointers are valid until the next call of the engine.
struct Changed {
  const Run* run = nullptr;
  bool created = false;              ///< a new run: store RunInfo too
  bool status = false;               ///< RunStatus changed
  bool respecified = false;          ///< RunInfo::spec_json changed
  std::vector<std::string> deleted;  ///< ids of nodes that are no more; `nodes` may hold new ones of these ids
  std::vector<const Node*> nodes;    ///< new or changed nodes
};

/// An entry of a memoization cache (argo-workflows workflow/controller/cache).
struct Memo {
  std::string name_space, cache, key;
  std::string node_id;
  NodeOutputs outputs;
  Time created{};
};

struct Output {
  std::vector<Effect> now;
  std::vector<Changed> changed;
  std::vector<Memo> memos;  ///< to be stored with what changed
  std::vector<Effect> durable;
};

// ---- what the host allows ----

/// What workflows read of the daemon's own objects while they run.
class Objects {
 public:
  virtual ~Objects() = default;
  /// The value of a key of a ConfigMap. `parameter`: it must be labelled as one that parameters may come from
  /// (workflows.argoproj.io/configmap-type: Parameter).
  [[nodiscard]] virtual Result<std::string> config_map(const std::string& name_space, const std::string& name,
                                                       const std::string& key, bool parameter) const = 0;
};

struct Settings {
  const Objects* objects = nullptr;  ///< null: there are none. Outlives the engine
  Host host;
  runtime::Network network = runtime::Network::Host;
  Duration termination_grace = std::chrono::seconds(30);  ///< between SIGTERM and SIGKILL (Kubernetes' default)
  bool archive_logs = false;  ///< keep the logs of all pods as artifacts, whatever a workflow says
};

class Engine {
 public:
  explicit Engine(Settings settings);
  ~Engine();

  // ---- events ----

  /// A run was accepted: its first steps start once the output's transaction is committed. The name must be free in
  /// its namespace (find()).
  Output submit(RunInfo info, workflow::PlanPtr plan, Time now);
  /// As submit(), with what carry_over() found in an earlier run.
  Output submit(RunInfo info, workflow::PlanPtr plan, std::vector<Node> carried, Time now);

  /// A run that was not over when an earlier life of the daemon ended, with its stored nodes. What is fulfilled stays;
  /// pods that may run are adopted; the rest goes on.
  Output restore(RunInfo info, workflow::PlanPtr plan, RunStatus status, std::vector<Node> nodes, Time now);

  /// A run that was over goes on with what retry_run() left of it. `info` may have other arguments than it had.
  Output retry(RunInfo info, workflow::PlanPtr plan, RetriedRun retried, Time now);

  Output pod_prepared(const std::string& pod, Time now);
  Output pod_started(const std::string& pod, Time at, Time now);
  /// A container of a pod of several was started or has ended.
  Output pod_container(const std::string& pod, const std::string& container, const runtime::ContainerChange& change,
                       Time now);
  /// All its probes say yes.
  Output pod_ready(const std::string& pod, const std::string& address, Time now);
  Output pod_exited(const std::string& pod, const runtime::PodExit& exit, Time now);
  /// It could not be prepared or started, or its references could not be resolved.
  Output pod_failed(const std::string& pod, const Error& error, Time now);
  /// It was started and is gone.
  Output pod_lost(const std::string& pod, const Error& error, Time now);
  Output pod_removed(const std::string& pod, Time now);
  /// What a user may want to see while the node is Pending ("pulling image x").
  Output pod_progress(const std::string& pod, const std::string& what, Time now);
  /// What a watched output of a running pod holds now.
  Output pod_output(const std::string& pod, const std::string& output, const std::string& content, Time now);
  Output timer_due(std::uint64_t token, Time now);
  /// The wall clock was set by so much: what retries may take in all is time that passes. (Timers are the loop's: their delay is
  /// known when they are set.)
  void clock_was_set(Duration by);
  struct HttpAnswer {
    long status = 0;
    std::map<std::string, std::string> headers;  ///< names in lower case
    std::string body;
  };
  Output request_ended(const std::string& id, const Result<HttpAnswer>& answer, Time now);
  Output artifacts_listed(const std::string& id, const Result<std::vector<std::string>>& keys, Time now);

  /// `stop` or `terminate`. NotFound when there is no such live run; a run that is over already is FailedPrecondition.
  Result<Output> shut_down(const std::string& uid, Shutdown how, Time now);

  /// Nothing new of the run starts until it is resumed. Running steps go on.
  Result<Output> suspend(const std::string& uid, Time now);
  /// Ends the suspension, and the Suspend nodes that wait: all of them, or those that `wanted` says yes to, which then
  /// leaves the suspension of the run alone. `message` is put on those nodes.
  using Wanted = std::function<bool(const Run&, const Node&)>;
  Result<Output> resume(const std::string& uid, const Wanted& wanted, const std::string& message, Time now);
  /// `stop` with a selector: fails the Suspend nodes that `wanted` says yes to.
  Result<Output> fail_suspended(const std::string& uid, const Wanted& wanted, const std::string& message, Time now);
  /// `node set`: gives outputs, a message or a phase (Succeeded, Failed, Error) to waiting Suspend nodes.
  struct NodeChange {
    std::vector<Parameter> outputs;
    std::optional<std::string> message;
    std::optional<Phase> phase;
  };
  Result<Output> set_nodes(const std::string& uid, const Wanted& wanted, const NodeChange& change, Time now);

  /// After the last restore(): from here on locks are given out and pods started.
  Output restored(Time now);
  /// A memo that an earlier life of the daemon stored.
  void remember(Memo memo);

  /// Forgets a run: kills what runs, removes its pods and claims. The caller deletes it from the store.
  Output forget(const std::string& uid, Time now);

  // ---- what there is ----

  [[nodiscard]] const Host& host() const;

  /// Live runs, and those that ended and were not forgotten or dropped.
  [[nodiscard]] const Run* find(const std::string& name_space, const std::string& name) const;
  [[nodiscard]] const Run* find_uid(const std::string& uid) const;
  void for_each(const std::function<void(const Run&)>& visit) const;
  /// Lets go of the memory of a run that is over and whose pods are all removed: the store has it. False when it is not
  /// that far yet.
  bool drop(const std::string& uid);
  /// The node that a pod belongs to, or nothing. Of a pod that a retried run left behind there is no node.
  struct Owner { const Run* run; const Node* node; };
  [[nodiscard]] std::optional<Owner> owner_of(const std::string& pod) const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace gantry::engine
