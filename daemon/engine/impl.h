#pragma once

// The engine's inside, by concern:
//   engine.cc   the events, and the output that is gathered while one is handled
//   run.cc      the run as a whole: its begin, its exit handler, its end, stop and deadline
//   call.cc     a call begins and ends: inputs, locks, memoization
//   retry.cc    attempts (retry_run.cc: `gantry retry`; carry_over.cc: `resubmit --memoized`)
//   graph.cc    steps and DAGs: what each task that becomes ready leads to
//   task.cc     one task: `when`, loops, arguments; its members
//   hook.cc     lifecycle hooks of runs, steps and tasks
//   suspend.cc  Suspend nodes; suspended runs
//   daemon.cc   daemon steps
//   request.cc  what the daemon is asked to do itself; http.cc: HTTP requests
//   pod.cc      pods: admission, start, end, kill
//   call_artifacts.cc  what calls are given and give of files
//
// Handling an event changes calls and records; pump() then takes what is ready, one task or request after the other, so
// that nothing recurses through the whole workflow. Calls that end are destroyed after the event (graveyard_), because
// their own code is still on the stack.

#include <map>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "daemon/engine/call.h"
#include "daemon/engine/engine.h"
#include "daemon/engine/formula.h"
#include "daemon/engine/locks.h"
#include "daemon/engine/scope.h"
#include "daemon/engine/units.h"

namespace gantry::engine {

/// The type of the node that a call of `tmpl` makes. An attempt of a retried template is what it wraps.
NodeType type_of(const workflow::Template& tmpl, const workflow::Plan& plan, bool attempt);

/// Whether a call that is over was an error of its template's execution and not of what it did (argo-workflows
/// executeTemplate returned an error): there is no pod, nor anything else of it, or it cannot give its own outputs.
bool never_began(const Call& call);

/// Template::scope of the template that the call is written in.
SharedText scope_of_caller(const Call& call);

class Engine::Impl {
 public:
  explicit Impl(Settings settings) : settings_(settings), admission_(settings.host.capacity), units_(settings.host) {}
  ~Impl();

  // engine.cc
  void begin(Time now);
  Output finish();
  Live& add_run(RunInfo info, workflow::PlanPtr plan);
  void erase_run(const std::string& uid);
  void take_nodes(Live& live, std::vector<Node> nodes);
  void take_up(Live& live);
  void leave_behind(const std::string& uid, std::unordered_set<std::string>& pods);
  Live* live(const std::string& uid);
  Call* call_of_pod(const std::string& pod);
  void pump();
  bool release_held();
  [[nodiscard]] bool is_full(const Live& live) const;
  void touch(Live& live);
  void mark(Live& live, Node& node);
  void mark_status(Live& live);
  void now_effect(Effect effect) { output_.now.push_back(std::move(effect)); }
  void durable_effect(Effect effect) { output_.durable.push_back(std::move(effect)); }

  enum class TimerKind : std::uint8_t { RunDeadline, PodDeadline, PodTimeout, PodPending, AttemptDeadline, PodKill, Backoff, Suspend };
  /// `subject`: a pod, or the id of a Retry or Suspend node.
  void set_timer(Time at, TimerKind kind, const std::string& uid, const std::string& subject);
  void timer_due(std::uint64_t token);
  void clock_was_set(Duration by) { clock_set_by_ += by; }

  // run.cc
  void start_run(Live& live);
  // run_metadata.cc
  Result<void> label_run(Live& live);
  void begin_root(Live& live);
  Values resolve_arguments(Live& live, std::optional<Error>& error);
  void root_ended(Live& live);
  void end_run_when_idle(Live& live);
  void end_run(Live& live);
  void end_nodes_left(Live& live);
  void fail_run(Live& live, const std::string& message);
  void shut_down(Live& live, Shutdown how);
  void exceed_deadline(Live& live);
  static void drop_held(Live& live);
  /// The end of activeDeadlineSeconds; none when there is no such deadline.
  [[nodiscard]] std::optional<Time> deadline_of(const Live& live) const;
  /// Ends everything below `call`: pods are told to end with `message`, graphs start nothing more.
  void stop_tree(Call& call, Halt why, const std::string& message);
  /// Lets go of what the calls below `call` hold in the scheduler and the ledger, without a result.
  void abandon(Call& call);
  void bury(std::unique_ptr<Call>& call) { graveyard_.push_back(std::move(call)); }

  // call.cc
  [[nodiscard]] static std::string new_node_id(const Live& live, const std::string& name);
  Node& make_node(Live& live, const std::string& name, const std::string& display_name, NodeType type,
                  const workflow::Template& tmpl, const SharedText& boundary_id, const SharedText& scope);
  void add_child(Live& live, Node& parent, const Node& child);
  void add_child(Live& live, std::string_view parent_id, const Node& child);
  std::vector<SharedText> outbound(Live& live, const Node& node);
  std::unique_ptr<Call> make_call(Live& live, Call* parent, Call::Role role, Index tmpl);
  /// Creates the node and begins the call. `call` must be in its place in the tree already.
  void begin_call(Call& call, const std::string& name, const std::string& display_name,
                  const SharedText& boundary_id, Values arguments);
  Result<Values> resolve_inputs(Call& call, Values arguments);
  Result<void> name_node(Call& call);
  Result<std::vector<LockKey>> lock_keys(const Live& live, const std::vector<workflow::Lock>& locks,
                                         const workflow::Scope& scope);
  bool wait_for_locks(Call& call);
  void pass_locks();
  [[nodiscard]] Result<std::int64_t> limit_of(const LockKey& key) const;
  Result<bool> recall(Call& call);
  void remember(Memo memo);
  void memorize(Call& call);
  /// The call ends in an error before there is anything of it: its node is of type Skipped.
  void refuse_call(Call& call, const std::string& message);
  void run_template(Call& call);
  void end_call(Call& call, Phase phase, const std::string& message);
  void call_ended(Call& call);
  void export_outputs(Call& call);
  Result<std::string> config_map_value(const Live& live, const workflow::ConfigMapKey& key,
                                       const workflow::Scope& scope);

  // call_artifacts.cc
  /// What a call hands over; optional ones that are not there are left out.
  Result<std::vector<Artifact>> resolve_artifacts(const std::vector<workflow::Artifact>& arguments,
                                                  const workflow::Scope& scope);
  Result<std::vector<Artifact>> resolve_input_artifacts(const Call& call, const std::vector<Artifact>& arguments);
  Result<void> graph_output_artifacts(Call& call);
  /// What is moved for the call's pod; fills in PodSpec::output_artifacts.
  Result<PodArtifacts> pod_artifacts(const Call& call, const CallScope& scope, runtime::PodSpec& pod);
  std::string take_output_artifacts(Call& call, const runtime::PodExit& exit);
  void export_artifacts(Call& call);
  void delete_artifacts(Live& live);

  // retry.cc
  void open_retry(Call& call);
  void start_attempt(Call& retry);
  void attempt_ended(Call& retry, Call& attempt);
  void backoff_over(Live& live, const std::string& node_id);
  struct Delay {
    std::optional<Time> until;         ///< not before then
    std::optional<std::string> over;   ///< no further attempt: why
  };
  Result<Delay> backoff_of(Call& call);
  /// The end of backoff.maxDuration, counted from the first attempt.
  Result<std::optional<Time>> retry_deadline(const Call& retry);

  // graph.cc
  void open_graph(Call& call);
  Result<void> find_targets(Call& call);
  void begin_task(Call& call, Index task);
  [[nodiscard]] bool was_begun(const Call& call, Index task) const;
  void barrier(Call& call, Index task);
  bool end_group(Call& call);
  void open_group(Call& call, Index barrier_task);
  void fail_group(Call& call, const std::string& message);
  void begin_dag_task(Call& call, Index task);
  void task_done(Call& call, Index task);
  void finish_graph_when_idle(Call& call);
  void finish_halted(Call& call);
  void finish_dag(Call& call);
  void end_graph(Call& call, Phase phase, const std::string& message);
  Result<void> graph_outputs(Call& call);

  // task.cc
  /// Fills the record's items and members.
  Result<void> resolve_task(Call& call, Index task);
  Result<std::vector<workflow::Item>> items_of(Call& call, const workflow::Loop& loop, bool never_runs);
  Result<void> resolve_member(Call& call, Index task, Member& member, const workflow::Item* item);
  Result<Values> resolve_arguments(Call& call, const std::vector<workflow::Argument>& arguments,
                                   const std::vector<workflow::Artifact>& artifacts, Index callee,
                                   const workflow::Scope& scope);
  void begin_members(Call& call, Index task);
  Node& make_skipped(Call& call, Index task, const std::string& name, Phase phase, const std::string& message);
  void connect(Call& call, Index task, Node& node);
  void start_or_hold(Call& call, Index task, Index member);
  void start_member(Call& call, Index task, Index member);
  void member_call_ended(Call& call, Index task, Index member);
  void member_done(Call& call, Index task, Index member);
  void members_done(Call& call, Index task);
  std::string task_node_name(const Call& call, Index task) const;
  std::string member_node_name(const Call& call, Index task, const std::string& name) const;

  // hook.cc
  /// Triggers the hooks of a step or task whose time has come: those with an expression at every change of its node,
  /// `exit` once it is completed. `member` may be kNone: the TaskGroup.
  void run_hooks(Call& graph, Index task, Index member, bool ended);
  void run_run_hooks(Live& live);
  void hook_ended(Call& hook);
  /// The node of a call changed while it goes on.
  void node_changed(Call& call);

  // suspend.cc
  void open_suspend(Call& call);
  void end_suspend(Call& call, const std::string& message);
  void suspend(Live& live);
  void resume(Live& live);

  // request.cc, http.cc
  void await_answer(Call& call, const std::string& id);
  Call* answered(const std::string& id);
  void cancel_request(Call& call);
  void open_http(Call& call);
  void request_ended(const std::string& id, const Result<HttpAnswer>& answer);
  void open_data(Call& call);
  void artifacts_listed(const std::string& id, const Result<std::vector<std::string>>& keys);

  // pod.cc
  Result<std::unique_ptr<MadePod>> make_pod(Call& call);
  void name_pod(Call& call, const std::string& id);
  void open_pod(Call& call);
  void enter_pod(Call& call);
  void adopt_pod(Call& call);
  void queue_pod(Call& call);
  void grant(Call& call);
  /// Gives back what it has of the host.
  void leave_place(Call& call);
  void hand_over(Call& call);
  void pod_started(Call& call, Time at);
  void pod_container(Call& call, const std::string& container, const runtime::ContainerChange& change);
  void pod_ready(Call& call, const std::string& address);
  void pod_output(Call& call, const std::string& output, const std::string& content);
  void make_container_nodes(Call& call);
  void end_container_nodes(Call& call, const runtime::PodExit& exit);

  // daemon.cc
  /// The call's pod is ready: whoever waits for the call goes on, the pod too.
  void become_daemon(Call& call);
  /// The graph that daemons belong to has ended.
  void end_daemons(Call& graph);
  void end_daemon(std::unique_ptr<Call>& call);
  bool daemon_exited(Call& call, Phase phase, const std::string& message);
  void pod_exited(Call& call, const runtime::PodExit& exit);
  void pod_failed(Call& call, const Error& error, bool lost);
  void kill_pod(Call& call, const std::string& message);
  void set_pod_deadlines(Call& call, Time started);
  void end_attempt(Call& call);
  void end_pod(Call& call, Phase phase, const std::string& message);
  void pod_removed(const std::string& pod);
  std::optional<std::string> take_outputs(Call& call, const runtime::PodExit& exit, bool succeeded);

  Settings settings_;
  scheduler::Scheduler scheduler_;
  scheduler::Worker& worker_ = scheduler_.worker();  ///< the loop's
  scheduler::Admission admission_;
  Units units_;  ///< of the named resources that admission_ counts
  Locks locks_;
  std::map<std::string, Memo> memos_;  ///< by memo_id()
  std::unordered_set<Call*> calls_waiting_;  ///< for locks; what else waits for locks is a run
  bool locks_released_ = false;
  std::deque<Call*> graphs_with_room_;  ///< they hold tasks back, and one of theirs ended
  bool restoring_ = false;             ///< nothing is granted yet
  /// A run is being taken up: what it had begun is found first, before anything is decided or begun anew.
  bool taking_up_ = false;
  std::vector<Call*> halted_;          ///< graphs that look as if they could end, meanwhile
  std::map<std::string, std::unique_ptr<Live>> runs_;                       ///< by uid
  std::map<std::pair<std::string, std::string>, Live*> by_name_;            ///< (namespace, name)
  struct PodRef { Live* live; Call* call; Node* node; };                    ///< call: null once the pod is over
  std::unordered_map<std::string, PodRef> pods_;                            ///< those that the runtime, or a timer, may know
  std::unordered_map<std::string, Call*> requests_;
  /// `life`: RunStatus::retries; those of an earlier life of the run are not wanted any more.
  struct Timer { TimerKind kind; std::string uid; std::string subject; std::uint32_t life; };
  std::unordered_map<std::uint64_t, Timer> timers_;
  std::uint64_t next_number_ = 1;  ///< Live::number
  std::uint64_t next_timer_ = 1;

  // One event's.
  Time now_{};
  Duration clock_set_by_{0};  ///< in all, in this life of the daemon
  Output output_;
  std::vector<Live*> touched_;
  std::vector<std::unique_ptr<Call>> graveyard_;
  std::vector<std::unique_ptr<Live>> gone_;
};

}  // namespace gantry::engine
