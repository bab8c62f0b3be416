#pragma once

// The pod of a plan node: one sandbox with its containers, as the workflow file describes it. Every string that may
// hold {{…}} is a Text; the engine renders it into a runtime::PodSpec when the node runs.
// The names are Kubernetes' (core/v1 Container, Volume, SecurityContext).

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "workflow/diagnostic.h"
#include "workflow/text.h"

namespace gantry::workflow {

enum class PullPolicy : std::uint8_t { Always, IfNotPresent, Never };

/// A key of a Secret or a ConfigMap.
struct KeyRef {
  enum class Kind : std::uint8_t { Secret, ConfigMap };
  Kind kind = Kind::Secret;
  Text name;
  Text key;
  bool optional = false;
};

struct EnvVar {
  std::string name;
  Text value;
  std::optional<KeyRef> key_ref;          ///< valueFrom.secretKeyRef / configMapKeyRef
  std::string field_path;                 ///< valueFrom.fieldRef: metadata.name, metadata.namespace, …; empty: none
};

/// All keys of a Secret or a ConfigMap as environment variables.
struct EnvFrom {
  KeyRef::Kind kind = KeyRef::Kind::Secret;
  Text name;
  std::string prefix;
  bool optional = false;
};

struct VolumeMount {
  Text name;
  Text mount_path;
  Text sub_path;
  bool read_only = false;
  Mark at;
};

/// Kubernetes quantities as text ("500m", "64Mi"); checked at compile time where they hold no variable.
struct Resources {
  struct Amounts {
    std::optional<Text> cpu, memory, ephemeral_storage;
    std::vector<std::pair<std::string, Text>> extended;  ///< extended resources by name, each once: whole numbers
  };
  Amounts requests;
  Amounts limits;
};

/// Both the pod's and the container's securityContext; the container's fields win (core/v1 SecurityContext).
struct SecurityContext {
  std::optional<std::int64_t> run_as_user, run_as_group, fs_group;
  std::vector<std::int64_t> supplemental_groups;
  std::optional<bool> run_as_non_root, privileged, allow_privilege_escalation, read_only_root_filesystem;
  std::vector<std::string> capabilities_add, capabilities_drop;  ///< without CAP_, "ALL" possible
  std::optional<std::string> seccomp_type;                       ///< RuntimeDefault, Unconfined
};

/// What a probe or a lifecycle handler does.
struct ContainerAction {
  enum class Kind : std::uint8_t { Exec, HttpGet, TcpSocket, Grpc, Sleep };
  Kind kind = Kind::Exec;
  std::vector<Text> command;  ///< Exec
  Text path, host;            ///< HttpGet, TcpSocket
  Text port;                  ///< HttpGet, TcpSocket, Grpc: a number
  bool https = false;
  std::vector<std::pair<Text, Text>> headers;
  Text service;               ///< Grpc
  std::int64_t seconds = 0;   ///< Sleep
};

/// Kubernetes' defaults (core/v1 Probe).
struct ContainerProbe {
  ContainerAction action;
  std::int64_t initial_delay = 0, period = 10, timeout = 1;  ///< seconds
  std::int64_t success_threshold = 1, failure_threshold = 3;
};

struct Container {
  enum class Role : std::uint8_t { Main, Init, Sidecar };
  std::string name;  ///< `main` for the template's own container
  Role role = Role::Main;
  bool mirror_volume_mounts = false;      ///< Init, Sidecar: has main's mounts too
  std::vector<std::string> dependencies;  ///< of a containerSet
  std::optional<ContainerProbe> readiness_probe, liveness_probe, startup_probe;
  std::optional<ContainerAction> post_start, pre_stop;
  Text image;
  std::optional<PullPolicy> pull_policy;  ///< absent: Always for `:latest` or no tag, else IfNotPresent
  std::optional<std::vector<Text>> command;
  std::optional<std::vector<Text>> args;
  Text working_dir;
  std::vector<EnvFrom> env_from;
  std::vector<EnvVar> env;
  std::vector<VolumeMount> mounts;
  Resources resources;
  SecurityContext security;
  bool tty = false;
  bool stdin_open = false;
  Mark at;
};

struct EmptyDirVolume { bool memory = false; std::optional<Text> size_limit; };
struct HostPathVolume { Text path; std::string type; };
/// `secret` and `configMap` volumes: the object's keys become files.
struct ObjectVolume {
  KeyRef::Kind kind = KeyRef::Kind::Secret;
  Text name;
  bool optional = false;
  std::uint32_t default_mode = 0644;
  struct Item { std::string key, path; std::optional<std::uint32_t> mode; };
  std::vector<Item> items;  ///< empty: all keys, each under its own name
};
/// A persistentVolumeClaim: a directory that outlives the pod.
struct ClaimVolume { Text claim_name; bool read_only = false; };

struct Volume {
  Text name;
  std::variant<EmptyDirVolume, HostPathVolume, ObjectVolume, ClaimVolume> source;
  Mark at;
};

struct HostAlias { Text ip; std::vector<Text> hostnames; };

/// Labels and annotations of a pod; on one key the template's stand over the workflow's.
struct PodMetadata {
  std::vector<std::pair<std::string, Text>> labels, annotations;
};

struct PodTemplate {
  Container main;                       ///< not of a containerSet
  std::vector<Container> set;           ///< of a containerSet: all of them are main containers
  std::vector<Container> beside;        ///< init containers, then sidecars
  std::vector<VolumeMount> set_mounts;  ///< of all containers of a set
  std::optional<Text> set_retries;      ///< attempts in all of each container of a set
  std::optional<Text> set_retry_pause;  ///< a Go duration
  bool daemon = false;                  ///< the step is over when the pod is ready; it goes on until its graph ends
  std::vector<HostAlias> host_aliases;
  /// A script template's source: written to a file whose path becomes the last argument of `command`.
  std::optional<Text> script_source;
  std::vector<Volume> volumes;   ///< the template's own, beside the workflow's
  SecurityContext security;      ///< the template's pod-level securityContext
  Resources pod_resources;       ///< podResources
  PodMetadata metadata;
  std::optional<Text> patch;     ///< podSpecPatch: YAML or JSON, once it is rendered (pod_patch.h)
};

}  // namespace gantry::workflow
