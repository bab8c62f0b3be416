#pragma once

// The engine's inside, in four files by concern:
//   engine.cc   the events, and the output that is gathered while one is handled
//   call.cc     a call begins and ends: inputs, outputs, retries, exit handlers, the run as a whole
//   graph.cc    steps and DAGs: what each task that becomes ready leads to
//   pod.cc      pods: admission, start, end, kill
//
// Handling an event changes calls and records; pump() then takes what is ready, one task or ticket after the other, so
// that nothing recurses through the whole workflow. Calls that end are destroyed after the event (graveyard_), because
// their own code is still on the stack.

#include <map>
#include <unordered_map>
#include <utility>

#include "daemon/engine/call.h"
#include "daemon/engine/engine.h"
#include "daemon/engine/scope.h"

namespace gantry::engine {

/// The type of the node that a call of `tmpl` makes. An attempt of a retried template is what it wraps.
NodeType type_of(const workflow::Template& tmpl, const workflow::Plan& plan, bool attempt);

class Engine::Impl {
 public:
  explicit Impl(Settings settings) : settings_(settings), admission_(settings.capacity) {}
  ~Impl();

  // engine.cc
  void begin(Time now);
  Output finish();
  Live& add_run(RunInfo info, workflow::PlanPtr plan);
  void erase_run(const std::string& uid);
  Live* live(const std::string& uid);
  Call* call_of_pod(const std::string& pod);
  void pump();
  bool release_held();
  void touch(Live& live);
  void mark(Live& live, Node& node);
  void mark_status(Live& live);
  void now_effect(Effect effect) { output_.now.push_back(std::move(effect)); }
  void durable_effect(Effect effect) { output_.durable.push_back(std::move(effect)); }

  enum class TimerKind : std::uint8_t { RunDeadline, PodDeadline, PodTimeout, PodKill };
  void set_timer(Time at, TimerKind kind, const std::string& uid, const std::string& pod);
  void timer_due(std::uint64_t token);

  // call.cc
  void start_run(Live& live);
  Node& make_node(Live& live, const std::string& name, const std::string& display_name, NodeType type,
                  const std::string& template_name, const std::string& boundary_id);
  void add_child(Live& live, Node& parent, const Node& child);
  void add_child(Live& live, const std::string& parent_id, const Node& child);
  std::vector<std::string> outbound(Live& live, const Node& node);
  /// Creates the node and begins the call. `call` must be in its place in the tree already.
  void begin_call(Call& call, const std::string& name, const std::string& display_name,
                  const std::string& boundary_id, const std::vector<Parameter>& arguments);
  Result<std::vector<Parameter>> resolve_inputs(Call& call, const std::vector<Parameter>& arguments);
  void run_template(Call& call);
  void end_call(Call& call, Phase phase, const std::string& message);
  void call_ended(Call& call);
  void start_attempt(Call& retry);
  void attempt_ended(Call& retry, Call& attempt);
  void root_ended(Live& live);
  void end_run(Live& live);
  std::unique_ptr<Call> make_call(Live& live, Call* parent, Call::Role role, Index task, Index tmpl);
  void shut_down(Live& live, Shutdown how);
  void exceed_deadline(Live& live);
  /// Ends everything below `call`: pods are told to end with `message`, graphs start nothing more.
  void stop_tree(Call& call, Halt why, const std::string& message);
  /// Lets go of what the calls below `call` hold in the scheduler and the ledger, without a result.
  void abandon(Call& call);
  void bury(std::unique_ptr<Call>& call) { graveyard_.push_back(std::move(call)); }

  // graph.cc
  void open_graph(Call& call);
  void begin_task(Call& call, Index task);
  void barrier(Call& call, Index task);
  bool end_group(Call& call);
  void open_group(Call& call, Index barrier_task);
  void begin_dag_task(Call& call, Index task);
  struct Resolved {
    std::optional<std::string> skip;
    std::vector<Parameter> arguments;
  };
  Result<Resolved> resolve_task(Call& call, Index task);
  Node& make_skipped(Call& call, Index task, Phase phase, const std::string& message);
  void connect(Call& call, Index task, Node& node);
  void start_or_hold(Call& call, Index task);
  void start_task(Call& call, Index task);
  void task_call_ended(Call& call, Index task);
  void task_done(Call& call, Index task);
  void finish_graph_when_idle(Call& call);
  void finish_halted(Call& call);
  void finish_dag(Call& call);
  void end_graph(Call& call, Phase phase, const std::string& message);
  std::string task_node_name(const Call& call, Index task) const;

  // pod.cc
  void open_pod(Call& call);
  void adopt_pod(Call& call);
  void grant(std::uint64_t ticket);
  void hand_over(Call& call);
  void pod_started(Call& call, Time at);
  void pod_exited(Call& call, const runtime::PodExit& exit);
  void pod_failed(Call& call, const Error& error, bool lost);
  void kill_pod(Call& call, const std::string& message);
  void end_pod(Call& call, Phase phase, const std::string& message);
  void pod_removed(const std::string& pod);
  std::optional<std::string> take_outputs(Call& call, const runtime::PodExit& exit, bool succeeded);

  Settings settings_;
  scheduler::Scheduler scheduler_;
  scheduler::Admission admission_;
  std::map<std::string, std::unique_ptr<Live>> runs_;                       ///< by uid
  std::map<std::pair<std::string, std::string>, Live*> by_name_;            ///< (namespace, name)
  struct PodRef { Live* live; Call* call; Node* node; };                    ///< call: null once the pod is over
  std::unordered_map<std::string, PodRef> pods_;                            ///< from admission queue to removal
  std::unordered_map<std::uint64_t, Call*> tickets_;
  struct Timer { TimerKind kind; std::string uid; std::string pod; };
  std::unordered_map<std::uint64_t, Timer> timers_;
  std::uint64_t next_ticket_ = 1;
  std::uint64_t next_timer_ = 1;

  // One event's.
  Time now_{};
  Output output_;
  std::vector<Live*> touched_;
  std::vector<std::unique_ptr<Call>> graveyard_;
  std::vector<std::unique_ptr<Live>> gone_;
};

}  // namespace gantry::engine
