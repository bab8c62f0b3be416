#pragma once

// The engine's own state: a tree of calls, one for each template instance that is not over. The tree of calls is the
// call tree of the workflow; a call of a graph owns a scheduler frame.

#include <algorithm>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "daemon/engine/locks.h"
#include "daemon/engine/pod_artifacts.h"
#include "daemon/engine/run.h"
#include "runtime/pod.h"
#include "scheduler/admission.h"
#include "scheduler/scheduler.h"
#include "workflow/plan.h"

namespace gantry::engine {

using workflow::Index;
using workflow::kNone;

struct Call;
struct Live;

/// A lifecycle hook that was triggered.
struct HookCall {
  const workflow::Hook* hook = nullptr;
  std::unique_ptr<Call> call;  ///< null once it is over
};

/// Whether one of them is not over.
inline bool any_runs(const std::vector<HookCall>& hooks) {
  return std::any_of(hooks.begin(), hooks.end(), [](const HookCall& hook) { return hook.call != nullptr; });
}

/// One doing of a task: the task itself, or for a loop one of its items.
struct Member {
  enum class State : std::uint8_t {
    Waiting,  ///< not looked at yet
    Held,     ///< wants to start; a parallelism limit says not yet
    Running,  ///< its call runs
    Hooks,    ///< its call is over, a hook of it runs
    Done,
  };
  State state = State::Waiting;
  std::string name;                      ///< the step's or task's name, with the item of a loop
  Node* node = nullptr;                  ///< absent until it starts, is skipped or omitted
  std::unique_ptr<Call> call;            ///< Running
  std::vector<HookCall> hooks;
  /// What it was resolved to.
  struct Resolved {
    Values arguments;
    std::optional<std::string> skip;     ///< the message of a `when` that was false
    std::optional<std::string> error;    ///< DAG: why it could not be resolved
  };
  std::unique_ptr<Resolved> resolved;    ///< until it starts
};

/// What became of one task of a graph.
struct TaskRecord {
  bool begun = false;
  bool done = false;
  Node* node = nullptr;                  ///< its own, or of a DAG's loop the TaskGroup; absent for a loop in steps
  std::vector<Member> members;           ///< one, or of a loop one for each item; addresses do not change
  Index unfinished = 0;                  ///< members that are not Done
  std::vector<HookCall> hooks;           ///< of a TaskGroup
  Phase branch = Phase::Succeeded;       ///< its phase, or that of the branch it is on when it was skipped or omitted
};

/// Why a graph starts nothing more.
enum class Halt : std::uint8_t {
  No,
  FailFast,
  Unmade,  ///< steps: a member never began; the group is Error
  Shutdown,
  Deadline,
};

struct GraphCall {
  const workflow::Graph* graph = nullptr;
  scheduler::Frame* frame = nullptr;
  std::vector<Index> targets;   ///< DAG: Graph::targets, or what its `target` means in this call
  std::vector<bool> needed;     ///< DAG with such a `target`: by task, whether a target needs it; empty: all
  std::vector<TaskRecord> tasks;
  Node* group = nullptr;        ///< steps: the open StepGroup
  Index group_barrier = kNone;  ///< steps: the barrier that opened the newest group
  struct Held { Index task, member; };
  Index active = 0;             ///< members in state Running or Hooks
  std::deque<Held> held;        ///< members in state Held because of the template's own parallelism
  Halt halt = Halt::No;
  std::vector<Index> broken;    ///< DAG: loops whose results cannot be put together
  std::string error;            ///< Unmade: the group's message. DAG: why it cannot go by what its tasks gave
  std::vector<std::unique_ptr<Call>> daemons;  ///< their tasks are over, their pods go on
};

/// The life of a step's pod: docs/states.md.
enum class PodState : std::uint8_t {
  Waiting,   ///< in the admission queue; the runtime has not heard of it
  Starting,  ///< the runtime prepares it and will start it once the store knows
  Running,   ///< started
  Over,      ///< its result is recorded; being removed
};

/// What a call's template makes of its pod.
struct MadePod {
  std::string id;                          ///< pod_id()
  std::unique_ptr<runtime::PodSpec> spec;  ///< until it is handed to the runtime
  PodArtifacts artifacts;
  scheduler::Wanted wanted;
  std::optional<Duration> active_deadline, timeout, pending_timeout;
  std::optional<Time> last_moment;   ///< of a further attempt: the end of backoff.maxDuration
  bool captures_result = false;      ///< its node gives main's output as outputs.result
  Duration termination_grace{0};     ///< between SIGTERM and SIGKILL
};

struct PodCall {
  PodState state = PodState::Waiting;
  bool counted = false;              ///< against spec.parallelism; the others wait in Live::held_pods
  bool killed = false;               ///< it was told to end
  bool daemon_over = false;          ///< a daemon whose graph has ended: its node has its result
  SharedText kill_message;           ///< why
  SharedText id;                     ///< empty until somebody outside may speak of it: it is in Impl::pods_ then
  scheduler::Admission::Request place;  ///< on the host, or in the queue for one
  Rare<HeldUnits> units;             ///< that it holds, as long as its place is booked
  std::unique_ptr<MadePod> made;     ///< of many that wait, made again when it is their turn
};

/// Something that the daemon is asked to do; there is one as long as the answer is waited for.
struct RequestCall {
  std::string id;
};

struct RetryCall {
  std::unique_ptr<Call> attempt;
  std::optional<std::int64_t> limit;
  std::int64_t attempts = 0;  ///< started so far
  const Node* last = nullptr; ///< the last attempt that ended
  bool waiting = false;       ///< for a backoff's end
  bool paused = false;        ///< for the run to be resumed
  Duration clock_set_by{0};   ///< Engine::Impl::clock_set_by_ when it began
};

struct Call {
  enum class Role : std::uint8_t { Root, RunExit, Task, Hook, Attempt };

  Live* live = nullptr;
  Call* parent = nullptr;  ///< the graph (Task, Hook) or the retry (Attempt) that this belongs to
  Role role = Role::Root;
  Index task = kNone;      ///< in the parent's graph (Task, Hook)
  Index member = kNone;    ///< of the task (Task, Hook); kNone: a hook of the TaskGroup, or of the run
  const workflow::Template* tmpl = nullptr;
  Node* node = nullptr;
  std::uint32_t height = 0;      ///< tasks on the longest way to the end of the run, from here
  std::uint32_t depth = 1;       ///< of templates that call each other
  bool in_exit_handler = false;  ///< part of the run's exit handler: deadlines and `stop` leave it alone
  bool locked = false;           ///< it holds its locks
  bool memorizes = false;        ///< when it succeeds, its outputs go where Node::memo says
  bool suspended = false;        ///< a Suspend node that waits
  bool daemon = false;           ///< whoever waited for it has gone on; its pod runs until the graph ends
  Rare<std::vector<LockKey>> locks;  ///< rendered
  std::unique_ptr<GraphCall> graph;
  std::unique_ptr<PodCall> pod;
  std::unique_ptr<RetryCall> retry;
  std::unique_ptr<RequestCall> request;

  [[nodiscard]] bool is_attempt() const { return role == Role::Attempt; }
};

/// A run with what the engine needs to drive it.
struct Live {
  Run run;
  std::uint64_t number = 0;  ///< smaller for those that came earlier
  std::unique_ptr<Call> root;
  std::unique_ptr<Call> exit;
  NodeIndex<&Node::id> by_id;
  /// What the nodes and pods of one template have in common, kept once. By index in Plan::templates.
  struct Common {
    SharedText name, scope;
    scheduler::Wanted wanted;  ///< by the pod that was made last
    bool steady = false;       ///< one was made, and nothing can be wrong with another
  };
  std::vector<Common> common;
  std::unordered_map<std::string, Call*> waiting;  ///< Retry nodes in a backoff and Suspend nodes, by node id
  Values arguments;                                ///< the submitter's
  std::unordered_set<std::string> pods;    ///< known to the runtime and not removed yet
  Index active_pods = 0;                   ///< counted against spec.parallelism
  struct Held { Call* graph; Index task; Index member; };
  std::deque<Held> held;                   ///< members that wait for spec.parallelism
  std::deque<Call*> held_pods;             ///< those that no task held back: attempts, hooks, what waited for a lock
  struct Paused { Call* graph; Index task; };
  std::deque<Paused> paused;               ///< tasks that became ready while the run was suspended
  std::vector<std::unique_ptr<Call>> daemons;  ///< their graphs have ended, their pods are being ended
  std::vector<HookCall> hooks;             ///< of the run, but `exit`
  std::vector<LockKey> locks;              ///< of the run; held once `locked`
  bool locked = false;
  bool begun = false;                      ///< its entry template was called
  bool exit_decided = false;               ///< the main part is over, and whether an exit handler runs is known
  std::string main_phase = "Running";      ///< workflow.status
  std::string main_message;
  bool deadline_exceeded = false;
  bool restored = false;                   ///< it has nodes of an earlier life of the daemon or of the run
  bool forgotten = false;
  bool remove_claims = false;              ///< once the last pod is removed

  // What this event changed.
  bool created = false;
  bool status_changed = false;
  bool respecified = false;
  std::vector<std::string> deleted_nodes;
  std::vector<Node*> changed_nodes;  ///< each once: Node::changed
  bool touched = false;

  /// Whether an earlier life of the daemon made that node: what it began is taken up again.
  [[nodiscard]] bool is_stored(const std::string& full_name) { return restored && run.find(full_name) != nullptr; }
  [[nodiscard]] Common& common_of(const workflow::Template& tmpl) { return common[static_cast<std::size_t>(&tmpl - run.plan->templates.data())]; }
  /// Task names of a graph, found once.
  const std::unordered_map<std::string_view, Index>& names_of(const workflow::Graph& graph);

 private:
  std::unordered_map<const workflow::Graph*, std::unordered_map<std::string_view, Index>> names_;
};

}  // namespace gantry::engine
