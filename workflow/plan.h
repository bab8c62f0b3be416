#pragma once

// The first header of the room. text → Plan: a workflow file after parsing, checking and compiling.
//
//   document.h     bytes → a tree with line and column        (yaml-cpp's events, simdjson)
//   argo/spec.h    tree → Workflow as it was written, typed   (unknown fields are errors)
//   argo/…         checks, then compile → Plan
//   text.h when.h depends.h   the little languages inside strings
//
// A Plan is immutable, shared by pointer, never copied, and holds no run's state. It is not Argo-shaped where the
// languages differ: a template's work is a pod, or a graph of tasks that call templates.
// Pure functions: no I/O, no threads, no clock.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "workflow/depends.h"
#include "workflow/diagnostic.h"
#include "workflow/expr/expression.h"
#include "workflow/item.h"
#include "workflow/json_template.h"
#include "workflow/phase.h"
#include "workflow/pod_template.h"
#include "workflow/text.h"
#include "workflow/topology.h"

namespace gantry::workflow {

/// An expression that stands alone in a field. One that holds `{{…}}` is parsed once those are replaced.
struct Formula {
  expr::Expression parsed;
  std::optional<Text> text;  ///< set: render it, parse it; `parsed` is empty then
};

/// `valueFrom.configMapKeyRef` of an input or an argument. The daemon knows the values.
struct ConfigMapKey {
  Text name;
  Text key;
  bool optional = false;
};

/// An input parameter of a template or an argument of the workflow.
struct InputParameter {
  std::string name;
  std::optional<Text> value;          ///< used when the caller gives no argument
  std::optional<ConfigMapKey> config_map_key;  ///< used when there is no value
  std::optional<Text> default_value;  ///< used when there is no value either
  std::vector<std::string> allowed;   ///< enum; empty: anything
  std::string description;
  Mark at;
};

/// What a call gives to an input of the called template, or a submitter to the workflow.
struct Argument {
  std::string name;
  Text value;
  std::optional<ConfigMapKey> config_map_key;  ///< instead of the value
  Mark at;
};

/// An output parameter. Exactly one of value, path, parameter, expression, supplied is set, or only default_value.
struct OutputParameter {
  std::string name;
  std::optional<Text> value;          ///< literal
  std::optional<Text> path;           ///< valueFrom.path: a file of `main`, read after it ended
  std::optional<Text> parameter;      ///< valueFrom.parameter: `{{steps.a.outputs.parameters.x}}`
  std::optional<Formula> expression;  ///< valueFrom.expression
  bool supplied = false;              ///< valueFrom.supplied: given while the template is suspended
  std::optional<Text> default_value;  ///< valueFrom.default
  std::optional<Text> global_name;    ///< globalName: also workflow.outputs.parameters.X
  Mark at;
};

/// A file or directory that a template takes or gives, or that a caller hands over.
struct Artifact {
  std::string name;                         ///< as written
  std::optional<Text> varying_name;         ///< outputs: a name that holds variables
  std::optional<Text> path;                 ///< in the container; pods only
  std::optional<JsonTemplate> location;     ///< one key: {"s3":{…}}, {"http":…}, {"git":…}, {"raw":…}
  std::optional<Text> from;                 ///< instead of a location: `{{steps.a.outputs.artifacts.x}}`
  std::optional<Formula> from_expression;   ///< or this, whose value is an artifact
  std::optional<Text> sub_path;             ///< the part of it that is wanted
  bool optional = false;
  std::optional<std::uint32_t> mode;        ///< inputs: permission bits of the file or directory
  bool recurse_mode = false;                ///< and of everything below it
  std::string archive;                      ///< JSON: {"none":{}}, {"tar":{"compressionLevel":9}}; empty: tar
  std::optional<Text> global_name;          ///< outputs: also workflow.outputs.artifacts.X
  std::string gc;                           ///< artifactGC.strategy; empty: the workflow's
  Mark at;
};

/// A template's archiveLocation, or what the workflow says of it.
struct ArchiveLocation {
  std::optional<JsonTemplate> location;  ///< of outputs that name none
  std::optional<bool> archive_logs;      ///< keep the logs of main as artifacts
};

struct ContinueOn {
  bool failed = false;
  bool error = false;
};

/// How a call names the template that it calls.
struct TemplateRef {
  std::string name, template_name;
  bool cluster_scope = false;
};

/// withItems, withParam or withSequence: the task is done once for each item.
struct Loop {
  enum class Kind : std::uint8_t { Items, Param, Sequence };
  Kind kind = Kind::Items;
  std::vector<Item> items;   ///< Items without variables
  std::optional<JsonTemplate> items_template;  ///< Items that hold variables
  std::optional<Text> param;                   ///< Param: JSON of the list
  /// Sequence.
  std::optional<Text> count, start, end, format;
};

/// A lifecycle hook of a run or of a step or task; `exit` runs when that is completed, the others once their expression
/// becomes true.
struct Hook {
  std::string name;  ///< "exit" or the user's
  Index callee = kNone;
  std::vector<Argument> arguments;
  std::vector<Artifact> artifacts;
  std::optional<Formula> expression;
  Mark at;

  [[nodiscard]] bool is_exit() const { return name == "exit"; }
};

/// One node of a compiled graph.
struct Task {
  enum class Kind : std::uint8_t {
    Call,     ///< a step or a DAG task: calls a template
    Barrier,  ///< between two step groups: ends group `group - 1` and opens group `group`
  };
  Kind kind = Kind::Call;
  std::string name;       ///< the step's or task's name; "[2]" for the barrier that opens group 2, "" for the last
  Index callee = kNone;   ///< index in Plan::templates (Call)
  std::optional<TemplateRef> template_ref;  ///< when it was called by reference; for users
  Index group = kNone;    ///< steps: the number of the step group (Call: its own; Barrier: the one it opens)
  std::vector<Argument> arguments;
  std::vector<Artifact> artifacts;
  std::optional<Text> when;
  Depends depends;        ///< DAG only; empty for steps and for roots
  ContinueOn continue_on;
  std::optional<Loop> loop;
  std::vector<Hook> hooks;  ///< `onExit` of a step or task is the hook `exit`
  bool captures_result = false;  ///< the template that it stands in reads its outputs.result
  Mark at;

  [[nodiscard]] const Hook* exit_hook() const {
    for (const Hook& hook : hooks) {
      if (hook.is_exit()) return &hook;
    }
    return nullptr;
  }
};

/// Tasks with their order.
struct Graph : Topology {
  enum class Kind : std::uint8_t { Steps, Dag };
  Kind kind = Kind::Dag;
  std::vector<Task> tasks;     ///< in written order; for steps each barrier stands before its group
  std::vector<Index> targets;  ///< DAG: the tasks whose phases decide (leaves, or `target`)
  std::optional<Text> target;  ///< dag.target that only a call knows; then every task is here
  bool dag_fail_fast = true;   ///< dag.failFast

  /// Fills the topology from pairs (from, to) of tasks.
  void connect(std::span<const std::pair<Index, Index>> edges) {
    Topology::operator=(build_topology(static_cast<Index>(tasks.size()), edges));
  }
};

struct Backoff {
  std::optional<Text> duration, factor, cap, max_duration;  ///< Go durations, or numbers of seconds; factor: a number
};

struct RetryStrategy {
  std::optional<Text> limit;  ///< retries after the first attempt; absent: no limit
  enum class Policy : std::uint8_t { OnFailure, OnError, Always, OnTransientError };
  Policy policy = Policy::OnFailure;
  std::optional<Backoff> backoff;
  std::optional<Formula> expression;  ///< over lastRetry.*; false: no further attempt
};

/// Mutexes and semaphores that are taken together before the work begins.
struct Lock {
  enum class Kind : std::uint8_t { Mutex, Semaphore };
  Kind kind = Kind::Mutex;
  bool database = false;  ///< upstream shares it between clusters; here it is another kind of name
  Text name;        ///< of the mutex, or of the ConfigMap that holds the semaphore's limit
  Text key;         ///< Semaphore: the key in the ConfigMap, or in the database
  Text name_space;  ///< empty: the run's
};

struct Memoize {
  Text key;
  Text cache;                   ///< the name of the cache
  std::optional<Text> max_age;  ///< a Go duration
};

/// A request that the daemon makes itself, as often as it has to after a restart.
struct HttpRequest {
  Text method, url, body;
  struct Header {
    Text name, value;
    std::optional<KeyRef> key_ref;  ///< instead of the value
  };
  std::vector<Header> headers;
  std::optional<std::int64_t> timeout_seconds;
  Text success_condition;  ///< an expression over request.* and response.*; empty: the status is 2xx
  bool insecure_skip_verify = false;
};

/// The keys below a place of artifacts, changed by expressions over `data`.
struct DataQuery {
  JsonTemplate location;
  std::vector<Formula> transformation;
};

struct Template {
  enum class Kind : std::uint8_t { Pod, Graph, Suspend, Http, Data };
  std::string name;      ///< empty: written inline
  std::string scope;     ///< of its definition: "local/WORKFLOW", "namespaced/TEMPLATE", "cluster/TEMPLATE"
  Kind kind = Kind::Pod;
  Index body = kNone;    ///< index in Plan::pods, graphs, requests or queries
  std::vector<InputParameter> inputs;
  std::vector<OutputParameter> outputs;
  std::vector<Artifact> input_artifacts;
  std::vector<Artifact> output_artifacts;
  ArchiveLocation archive;
  std::optional<RetryStrategy> retry;
  std::optional<Text> active_deadline_seconds;  ///< pods only; the clock starts when the pod starts
  std::optional<Text> timeout;                  ///< pods only; a Go duration, waiting included
  std::optional<Text> pending_timeout;          ///< pods only; a Go duration, how long the node may be Pending
  std::optional<Text> suspend_duration;         ///< Suspend: a Go duration or seconds; absent: until it is resumed
  std::optional<Index> parallelism;             ///< graphs: how many of its children may be active at once
  std::vector<Lock> locks;
  std::optional<Memoize> memoize;
  bool fail_fast = false;                       ///< graphs: no further child once one has failed
  std::optional<Text> display_name;             ///< annotation workflows.argoproj.io/display-name
  Mark at;
};

/// artifactRepositoryRef: a key of a ConfigMap that describes a repository; empty: the host's default.
struct RepositoryRef {
  std::string config_map, key;
  bool operator==(const RepositoryRef&) const = default;
};

/// A volumeClaimTemplates entry: one directory for each run, shared by its pods.
struct ClaimTemplate {
  std::string name;
  std::string storage;  ///< resources.requests.storage, as written
  Mark at;
};

/// spec.workflowMetadata: what a run is labelled with when it is accepted.
struct RunMetadata {
  std::vector<std::pair<std::string, std::string>> labels, annotations;
  struct LabelFrom {
    std::string label;
    Formula expression;
    std::string source;  ///< of the expression, for messages
  };
  std::vector<LabelFrom> labels_from;
};

struct Plan {
  std::vector<Template> templates;
  std::vector<PodTemplate> pods;
  std::vector<Graph> graphs;
  std::vector<HttpRequest> requests;
  std::vector<DataQuery> queries;
  Index entrypoint = kNone;
  std::vector<Hook> hooks;  ///< of the run; `onExit` is the hook `exit`

  std::vector<InputParameter> arguments;  ///< spec.arguments.parameters with the submitter's values merged in
  std::vector<Artifact> artifacts;        ///< spec.arguments.artifacts
  std::optional<bool> archive_logs;       ///< of templates that do not say
  std::string artifact_gc;                ///< artifactGC.strategy of artifacts that do not say; empty: the host's
  RepositoryRef artifact_repository;
  std::optional<Index> parallelism;       ///< how many pods of the run may run at once
  std::optional<std::int64_t> active_deadline_seconds;
  std::optional<std::int32_t> priority;
  std::vector<Volume> volumes;
  std::vector<ClaimTemplate> claim_templates;
  SecurityContext security;
  std::string service_account_name;
  std::vector<Lock> locks;
  std::vector<HostAlias> host_aliases;
  bool host_network = false;
  struct Dns {
    std::string policy;  ///< dnsPolicy; empty: the default
    std::vector<Text> nameservers, searches;
    std::vector<std::pair<Text, std::optional<Text>>> options;
  };
  Dns dns;
  bool suspend = false;
  std::string shutdown;  ///< "Stop", "Terminate" or nothing: it is stopped as soon as it is accepted
  RunMetadata metadata;
  PodMetadata pod_metadata;
  std::optional<Text> pod_spec_patch;
  std::vector<Text> image_pull_secrets;
  enum class ClaimGc : std::uint8_t { OnWorkflowSuccess, OnWorkflowCompletion };
  ClaimGc claim_gc = ClaimGc::OnWorkflowSuccess;

  [[nodiscard]] const Hook* exit_hook() const {
    for (const Hook& hook : hooks) {
      if (hook.is_exit()) return &hook;
    }
    return nullptr;
  }
};

using PlanPtr = std::shared_ptr<const Plan>;

}  // namespace gantry::workflow
