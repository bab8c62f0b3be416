#pragma once

// An Argo Workflow as it was written, typed, with the place of everything. Only what Gantry can run
// has a member here; the tables of the real object's fields (fields_*.cc) know the others by name
// and refuse or ignore them.
//
// All texts are views into the Document that the spec was read from, which must outlive it.

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "workflow/diagnostic.h"
#include "workflow/document.h"

namespace gantry::workflow::argo {

/// A value with its place. `set` tells an absent field from an empty one; null counts as absent, as
/// in Go.
template <class T>
struct Written {
  T value{};
  Mark at;
  bool set = false;
};

using Flag = Written<bool>;
using Int = Written<std::int64_t>;
template <class T>
using List = Written<std::vector<T>>;

/// A Go `string`: a number or a boolean is refused in strict mode and becomes its text otherwise.
struct Str : Written<std::string_view> {
  [[nodiscard]] bool empty() const { return value.empty(); }
};
struct AnyStr : Str {};    ///< Argo's AnyString: numbers and booleans are as good as texts
struct IntOrStr : Str {};  ///< Kubernetes' IntOrString
struct Quantity : Str {};  ///< Kubernetes' resource.Quantity, not parsed

struct KeyValue {
  std::string_view key;
  Mark at;
  Str value;
};
/// map[string]string, in written order.
using StrMap = List<KeyValue>;
/// map[string]Quantity.
struct KeyQuantity {
  std::string_view key;
  Mark at;
  Quantity value;
};
using Amounts = List<KeyQuantity>;

struct Object {
  Mark at;
  bool set = false;
  /// A field of it was refused, so an absent field may just be a misspelt one: say nothing of what
  /// is missing.
  bool flawed = false;
};

// Parameters
// ----------------------------------------------------------------------------------------------------

struct KeySelector : Object {
  Str name, key;
  Flag optional;
};
struct ConfigMapKeySelector : KeySelector {};
struct SecretKeySelector : KeySelector {};

struct ValueFrom : Object {
  Str path, parameter, expression, event;
  AnyStr default_value;
  ConfigMapKeySelector config_map_key_ref;
  bool supplied = false;
  bool kubernetes_only = false;  ///< it has jsonPath or jqFilter
};
struct Parameter : Object {
  Str name, description, global_name;
  AnyStr value, default_value;
  List<AnyStr> allowed;  ///< enum
  ValueFrom value_from;
};

/// Where something is kept: at most one kind, whose fields were checked and are kept as a tree.
struct ArtifactLocation : Object {
  std::string_view kind;      ///< "s3", "http", "git", "raw"; empty: none
  const Node* node = nullptr;  ///< what stands below it
  Flag archive_logs;
};
struct ArtifactGc : Object {
  Str strategy;
};
struct Artifact : ArtifactLocation {
  Str name, path, from, from_expression, sub_path, global_name;
  Flag optional, recurse_mode;
  Int mode;
  const Node* archive = nullptr;
  ArtifactGc gc;
};
struct ArtifactRepositoryRef : Object {
  Str config_map, key;
};

struct Arguments : Object {
  List<Parameter> parameters;
  List<Artifact> artifacts;
};
struct Inputs : Object {
  List<Parameter> parameters;
  List<Artifact> artifacts;
};
struct Outputs : Object {
  List<Parameter> parameters;
  List<Artifact> artifacts;
};

// Containers (Kubernetes core/v1)
// -------------------------------------------------------------------------------

struct FieldRef : Object {
  Str field_path;
};
struct EnvVarSource : Object {
  ConfigMapKeySelector config_map_key_ref;
  SecretKeySelector secret_key_ref;
  FieldRef field_ref;
};
struct EnvVar : Object {
  Str name, value;
  EnvVarSource value_from;
};
struct EnvSource : Object {
  Str name;
  Flag optional;
};
struct ConfigMapEnvSource : EnvSource {};
struct SecretEnvSource : EnvSource {};
struct EnvFromSource : Object {
  Str prefix;
  ConfigMapEnvSource config_map_ref;
  SecretEnvSource secret_ref;
};
struct VolumeMount : Object {
  Str name, mount_path, sub_path;
  Flag read_only;
};
struct ResourceRequirements : Object {
  Amounts requests, limits;
};
struct SeccompProfile : Object {
  Str type;
};
struct Capabilities : Object {
  List<Str> add, drop;
};
struct Security : Object {
  Int run_as_user, run_as_group, fs_group;
  List<Int> supplemental_groups;
  Flag run_as_non_root, privileged, allow_privilege_escalation, read_only_root_filesystem;
  Capabilities capabilities;
  SeccompProfile seccomp_profile;
};
struct PodSecurityContext : Security {};
struct SecurityContext : Security {};

struct ExecAction : Object {
  List<Str> command;
};
struct HttpHeader : Object {
  Str name, value;
};
struct HttpGetAction : Object {
  Str path, host, scheme;
  IntOrStr port;
  List<HttpHeader> headers;
};
struct TcpSocketAction : Object {
  Str host;
  IntOrStr port;
};
struct GrpcAction : Object {
  Int port;
  Str service;
};
struct SleepAction : Object {
  Int seconds;
};
/// Probe and LifecycleHandler have the same actions.
struct Action : Object {
  ExecAction exec;
  HttpGetAction http_get;
  TcpSocketAction tcp_socket;
  GrpcAction grpc;
  SleepAction sleep;
};
struct Probe : Action {
  Int initial_delay, period, timeout, success_threshold, failure_threshold;
};
struct LifecycleHandler : Action {};
struct Lifecycle : Object {
  LifecycleHandler post_start, pre_stop;
};

struct Container : Object {
  Str name;  ///< of a script's or a template's own container: no matter, it is `main`
  Str image, image_pull_policy, working_dir;
  Probe readiness_probe, liveness_probe, startup_probe;
  Lifecycle lifecycle;
  List<Str> command, args;
  List<EnvVar> env;
  List<EnvFromSource> env_from;
  List<VolumeMount> volume_mounts;
  ResourceRequirements resources;
  SecurityContext security_context;
  Flag tty, stdin_open;
};
struct ScriptTemplate : Container {
  Str source;
};
/// An init container or a sidecar.
struct UserContainer : Container {
  Flag mirror_volume_mounts;
};
/// A container of a containerSet.
struct ContainerNode : Container {
  List<Str> dependencies;
};
struct ContainerSetRetry : Object {
  Str duration;
  IntOrStr retries;
};
struct ContainerSetTemplate : Object {
  List<ContainerNode> containers;
  List<VolumeMount> volume_mounts;
  ContainerSetRetry retry_strategy;
};

struct HostAlias : Object {
  Str ip;
  List<Str> hostnames;
};
struct DnsOption : Object {
  Str name, value;
};
struct DnsConfig : Object {
  List<Str> nameservers, searches;
  List<DnsOption> options;
};

// Volumes
// -------------------------------------------------------------------------------------------------------

struct EmptyDir : Object {
  Str medium;
  Quantity size_limit;
};
struct HostPath : Object {
  Str path, type;
};
struct KeyToPath : Object {
  Str key, path;
  Int mode;
};
struct ObjectSource : Object {
  Str name;
  List<KeyToPath> items;
  Int default_mode;
  Flag optional;
};
struct SecretSource : ObjectSource {};
struct ConfigMapSource : ObjectSource {};
struct ClaimSource : Object {
  Str claim_name;
  Flag read_only;
};
struct Volume : Object {
  Str name;
  EmptyDir empty_dir;
  HostPath host_path;
  SecretSource secret;
  ConfigMapSource config_map;
  ClaimSource claim;
};
struct ClaimMetadata : Object {
  Str name;
};
struct ClaimResources : Object {
  Amounts requests;
};
struct ClaimSpec : Object {
  ClaimResources resources;
};
struct VolumeClaim : Object {
  ClaimMetadata metadata;
  ClaimSpec spec;
};

// Templates
// -----------------------------------------------------------------------------------------------------

struct ContinueOn : Object {
  Flag error, failed;
};

struct Template;

struct TemplateRef : Object {
  Str name, template_name;
  Flag cluster_scope;
};

/// `hooks.NAME` of a workflow, a step or a task.
struct LifecycleHook : Object {
  Str template_name, expression;
  TemplateRef template_ref;
  Arguments arguments;
};
struct NamedHook {
  std::string_view key;
  Mark at;
  LifecycleHook value;
};
/// map[string]LifecycleHook, in written order.
using Hooks = List<NamedHook>;

struct Sequence : Object {
  IntOrStr count, start, end;
  Str format;
};

/// What a step and a DAG task have in common.
struct Call : Object {
  Str name, template_name, when, on_exit;
  TemplateRef template_ref;
  std::shared_ptr<Template> inline_template;  ///< null: none
  Arguments arguments;
  ContinueOn continue_on;
  Hooks hooks;
  const Node* with_items = nullptr;  ///< a list
  Str with_param;
  Sequence with_sequence;

  [[nodiscard]] bool is_loop() const {
    return (with_items != nullptr && !with_items->items.empty()) || !with_param.empty() || with_sequence.set;
  }
};
struct Step : Call {};
struct StepGroup : Object {
  std::vector<Step> steps;
};
struct DagTask : Call {
  Str depends;
  List<Str> dependencies;
};
struct DagTemplate : Object {
  Str target;
  Flag fail_fast;
  List<DagTask> tasks;
};

struct Backoff : Object {
  IntOrStr duration, factor, cap;
  Str max_duration;
};
struct RetryStrategy : Object {
  IntOrStr limit;
  Str retry_policy, expression;
  Backoff backoff;
};

struct SuspendTemplate : Object {
  IntOrStr duration;
};

struct MutexRef : Object {
  Str name, name_space;
  Flag database;
};
struct SyncDatabaseRef : Object {
  Str key;
};
struct SemaphoreRef : Object {
  ConfigMapKeySelector config_map_key_ref;
  SyncDatabaseRef database;
  Str name_space;
};
struct Synchronization : Object {
  List<MutexRef> mutexes;
  List<SemaphoreRef> semaphores;
};

struct CacheSource : Object {
  ConfigMapKeySelector config_map;
};
struct Memoize : Object {
  Str key, max_age;
  CacheSource cache;
};

struct HttpHeaderSource : Object {
  SecretKeySelector secret_key_ref;
};
struct HttpRequestHeader : Object {
  Str name, value;
  HttpHeaderSource value_from;
};
struct HttpBodySource : Object {
  Str bytes;
};
struct HttpTemplate : Object {
  Str method, url, body, success_condition;
  List<HttpRequestHeader> headers;
  HttpBodySource body_from;
  Int timeout_seconds;
  Flag insecure_skip_verify;
};

struct DataSource : Object {
  Artifact artifact_paths;
};
struct TransformationStep : Object {
  Str expression;
};
struct DataTemplate : Object {
  DataSource source;
  List<TransformationStep> transformation;
};

struct PodMetadata : Object {
  StrMap labels, annotations;
};

struct MetricLabel : Object {
  Str key, value;
};
struct Counter : Object {
  Str value;
};
struct Gauge : Object {
  Str value, operation;
  Flag realtime;
};
struct Histogram : Object {
  Str value;
  List<Quantity> buckets;
};
struct Prometheus : Object {
  Str name, help, when;
  List<MetricLabel> labels;
  Counter counter;
  Gauge gauge;
  Histogram histogram;
};
struct Metrics : Object {
  List<Prometheus> prometheus;
};

struct Template : Object {
  Str name;
  Inputs inputs;
  Outputs outputs;
  Container container;
  ScriptTemplate script;
  List<StepGroup> steps;
  DagTemplate dag;
  SuspendTemplate suspend;
  ContainerSetTemplate container_set;
  HttpTemplate http;
  DataTemplate data;
  List<UserContainer> init_containers, sidecars;
  Flag daemon;
  List<HostAlias> host_aliases;
  int other_kinds = 0;  ///< resource, plugin: known, but not supported yet
  std::vector<const Node*> unread;  ///< what was written under their names
  IntOrStr active_deadline_seconds;
  Str timeout;
  Int parallelism;
  Flag fail_fast;
  RetryStrategy retry_strategy;
  Synchronization synchronization;
  Memoize memoize;
  List<Volume> volumes;
  PodSecurityContext security_context;
  StrMap annotations;
  PodMetadata metadata;
  ArtifactLocation archive_location;
  ResourceRequirements pod_resources;
  Str pending_timeout, pod_spec_patch;
  Metrics metrics;

  [[nodiscard]] bool is_graph() const { return steps.set || dag.set; }
  /// It becomes a pod.
  [[nodiscard]] bool is_pod() const { return container.set || script.set || container_set.set; }
};

// The workflow
// --------------------------------------------------------------------------------------------------

struct ObjectMeta : Object {
  Str name, generate_name, name_space;
  StrMap labels, annotations;
};

struct VolumeClaimGc : Object {
  Str strategy;
};

/// `labelsFrom.NAME` of workflowMetadata.
struct LabelValueFrom : Object {
  Str expression;
};
struct NamedLabelFrom {
  std::string_view key;
  Mark at;
  LabelValueFrom value;
};
struct WorkflowMetadata : Object {
  StrMap labels, annotations;
  List<NamedLabelFrom> labels_from;
};

struct LocalObjectReference : Object {
  Str name;
};

/// A podSpecPatch: what there is of Kubernetes' PodSpec here.
struct PodSpecPatch : Object {
  List<Container> containers, init_containers;
  List<Volume> volumes;
  Int active_deadline_seconds, termination_grace_seconds;
  Flag host_network;
  PodSecurityContext security_context;
  List<HostAlias> host_aliases;
  List<LocalObjectReference> image_pull_secrets;
};

struct WorkflowSpec : Object {
  Str entrypoint, on_exit, service_account_name;
  Hooks hooks;
  RetryStrategy retry_strategy;
  Synchronization synchronization;
  VolumeClaimGc volume_claim_gc;
  Arguments arguments;
  List<Template> templates;
  Int parallelism, active_deadline_seconds, priority;
  Flag suspend;
  List<Volume> volumes;
  List<VolumeClaim> volume_claim_templates;
  PodSecurityContext security_context;
  List<HostAlias> host_aliases;
  Flag host_network;
  Str dns_policy;
  DnsConfig dns_config;
  Flag archive_logs;
  ArtifactGc artifact_gc;
  ArtifactRepositoryRef artifact_repository_ref;
  ResourceRequirements pod_resources;
  Str shutdown, pod_spec_patch;
  WorkflowMetadata workflow_metadata;
  PodMetadata pod_metadata;
  List<LocalObjectReference> image_pull_secrets;
  Metrics metrics;
};

struct Workflow : Object {
  bool is_template = false;  ///< checked as a WorkflowTemplate: nobody runs it as it is
  bool needs_values = false;  ///< arguments without a value are errors
  bool by_reference = false;  ///< its spec is a template's (workflowTemplateRef)
  Str api_version, kind;
  ObjectMeta metadata;
  WorkflowSpec spec;
};

}  // namespace gantry::workflow::argo
