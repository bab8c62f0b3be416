#pragma once

// A workflow as the simulation thinks of it, before it is written down as a manifest: the generator makes one, the oracle
// reads one, shrinking takes things out of one. It knows nothing of the engine nor of the compiler.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace gantry::testing::model {

/// Where a text comes from.
struct Value {
  enum class Kind : std::uint8_t {
    Literal,    ///< `text`
    Item,       ///< {{item}}
    ItemKey,    ///< {{item.k}}
    Input,      ///< {{inputs.parameters.p}} of the enclosing template
    Less,       ///< that number less one
    Workflow,   ///< {{workflow.parameters.w}}
    Result,     ///< outputs.result of `task`
    Parameter,  ///< outputs.parameters.`text` of `task`
    Status,     ///< status of `task`
  };
  Kind kind = Kind::Literal;
  std::string text;
  std::string task;
};

/// A `when`.
struct Condition {
  Value left;
  std::string op = "==";  ///< "==", "!=" or ">"
  std::string right;
};

struct Loop {
  enum class Kind : std::uint8_t { Items, Maps, Param, Sequence };
  Kind kind = Kind::Items;
  std::vector<std::string> items;  ///< Items, Maps (the values of `k`)
  Value list;                      ///< Param
  int start = 0, count = 0;        ///< Sequence
  bool formatted = false;          ///< Sequence: `i%03d`
};

/// A condition of a DAG task on others.
struct Depends {
  enum class Kind : std::uint8_t { None, Task, Not, And, Or };
  Kind kind = Kind::None;
  std::string task, result;  ///< Task; an empty result: the bare name
  std::vector<Depends> parts;
};

struct Hook {
  std::string name;  ///< "exit" or another
  std::string callee;
  std::string status;             ///< its expression: the status that it waits for; empty: none
  std::optional<Value> argument;  ///< for the input `p`
};

/// A step or a task.
struct Call {
  std::string name, callee;
  std::optional<Value> argument;        ///< for the input `p`
  std::optional<std::string> artifact;  ///< the task that gives the input artifact `f`
  bool artifact_optional = false;
  std::optional<Condition> when;
  std::optional<Loop> loop;
  bool continue_failed = false, continue_error = false;
  Depends depends;
  std::vector<Hook> hooks;
};

struct Backoff {
  int seconds = 1;
  int factor = 0, cap = 0;  ///< 0: none
};

struct Retry {
  std::optional<int> limit;
  std::string policy;      ///< empty: not written
  std::string expression;  ///< over lastRetry: "exitCode" (is 1), "status" (is Error); empty: none
  std::optional<Backoff> backoff;
};

struct Lock {
  bool mutex = true;
  std::string name;  ///< of a semaphore: the key in the ConfigMap `locks`
};

/// An output parameter or artifact of a graph, taken from a task.
struct GraphOutput {
  std::string name;
  Value from;
  std::optional<std::string> fallback;
};

struct Container {
  std::string name;
  std::vector<std::string> dependencies;
};

struct Template {
  enum class Kind : std::uint8_t { Pod, Daemon, Set, Suspend, Steps, Dag };
  std::string name;
  Kind kind = Kind::Pod;
  std::optional<std::string> input_default;  ///< of the input `p`, which every template has

  // Pods.
  bool gives_x = false;                  ///< output parameter x
  std::optional<std::string> x_default;
  bool gives_list = false;               ///< output parameter `list`: JSON
  bool gives_artifact = false, artifact_optional = false;
  bool takes_artifact = false, takes_optional = false;
  int cpu_milli = 0;
  int memory_mib = 0;
  int deadline_seconds = 0;         ///< activeDeadlineSeconds; 0: none
  int timeout_seconds = 0;          ///< timeout
  int pending_timeout_seconds = 0;  ///< pendingTimeout
  bool mounts_claim = false;
  std::optional<std::string> memo_key;  ///< "{p}": the input
  std::vector<Container> containers;    ///< of a containerSet
  int container_attempts = 1;

  // Suspend.
  std::optional<int> suspend_ms;
  bool supplied = false;  ///< output parameter x is to be supplied; x_default as above

  // Graphs.
  std::vector<std::vector<Call>> groups;  ///< steps; of a DAG the only group are its tasks
  std::optional<int> parallelism;
  bool fail_fast = false;                 ///< of the template
  std::optional<bool> dag_fail_fast;
  bool uses_dependencies = false;         ///< `dependencies` and continueOn instead of `depends`
  std::vector<std::string> targets;
  std::vector<GraphOutput> outputs;

  std::optional<Retry> retry;
  std::vector<Lock> locks;

  [[nodiscard]] bool is_graph() const { return kind == Kind::Steps || kind == Kind::Dag; }
};

struct Workflow {
  std::vector<Template> templates;
  std::string entrypoint;
  std::string parameter = "w";  ///< the value of workflow.parameters.w
  std::vector<Hook> hooks;      ///< `exit` among them is written as onExit when it has neither expression nor argument
  std::optional<int> parallelism;
  std::optional<int> deadline_seconds;
  std::optional<int> priority;
  std::vector<Lock> locks;
  bool suspended = false;
  bool claim = false, claim_gc_always = false;

  [[nodiscard]] const Template* find(const std::string& name) const {
    for (const Template& t : templates) {
      if (t.name == name) return &t;
    }
    return nullptr;
  }
};

}  // namespace gantry::testing::model
