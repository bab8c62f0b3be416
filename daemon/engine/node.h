#pragma once

// A node of a run, as users see it: one row of the store, one entry of Argo's status.nodes.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "daemon/engine/artifact.h"
#include "workflow/phase.h"

namespace gantry::engine {

using workflow::Phase;

enum class NodeType : std::uint8_t { Pod, Steps, StepGroup, Dag, TaskGroup, Retry, Skipped, Suspend, Container, Http };
/// Argo's name of the type ("DAG").
std::string_view node_type_name(NodeType type);
std::optional<NodeType> node_type_from(std::string_view name);
std::optional<Phase> phase_from(std::string_view name);

struct Parameter {
  std::string name;
  std::string value;
  bool operator==(const Parameter&) const = default;
};

/// What a node is given, what a run gives.
struct Values {
  std::vector<Parameter> parameters;
  std::vector<Artifact> artifacts;
  [[nodiscard]] bool empty() const { return parameters.empty() && artifacts.empty(); }
  bool operator==(const Values&) const = default;
};

struct NodeOutputs {
  std::vector<Parameter> parameters;
  std::vector<Artifact> artifacts;
  std::optional<std::string> result;     ///< main's stdout, when somebody reads it
  std::optional<std::string> exit_code;
  [[nodiscard]] bool empty() const { return parameters.empty() && artifacts.empty() && !result && !exit_code; }
};

struct Node {
  std::string id;            ///< root: the run's name; else `<run>-<fnv32a(name)>`
  std::string name;          ///< full name: `wf[0].build`, `wf.deploy(1)`
  std::string display_name;
  NodeType type = NodeType::Pod;
  std::string template_name;
  std::string template_ref;   ///< of a call by reference: "NAME/TEMPLATE", or "cluster:NAME/TEMPLATE"
  std::string template_scope; ///< empty: the workflow itself
  Phase phase = Phase::Pending;
  std::string boundary_id;   ///< the enclosing Steps or DAG node; empty on roots
  std::string message;
  std::optional<Time> started;
  std::optional<Time> finished;
  Values inputs;
  NodeOutputs outputs;
  std::vector<std::string> children;        ///< ids, each once
  std::vector<std::string> outbound_nodes;  ///< ids: the last nodes of a Steps or DAG
  bool hooked = false;       ///< an exit handler
  bool retried = false;      ///< an attempt of a Retry node
  /// What its program said of itself in $ARGO_PROGRESS_FILE; a total of 0: nothing.
  std::uint32_t progress_done = 0, progress_total = 0;
  bool daemoned = false;     ///< it is ready and goes on until its graph ends
  std::string ip;            ///< of the pod
  /// Memoization: whether the outputs came from the cache, and under which key; empty: not memoized.
  bool memo_hit = false;
  std::string memo_cache, memo_key;
  bool locked = false;       ///< it held its locks when it was stored
  std::uint32_t life = 0;    ///< RunStatus::retries when it was made
  std::string pod;           ///< Pod nodes: the runtime's id of the pod
  /// Pod nodes: what the next life of the daemon must know about the pod.
  bool start_intended = false;  ///< stored before the pod is started
};

/// Argo's name of a node's pod: `<run>-<template>-<fnv32a>`; the root's is the run's name (argo-workflows
/// workflow/util/pod_name.go, version 2).
std::string pod_name(const std::string& run_name, const Node& node);
/// The directory of its pod's logs, below the run's: pod_name(), and which life of the run it is of, so that a pod that
/// runs again does not write into the files of the one that failed.
std::string log_directory(const std::string& run_name, const Node& node);

}  // namespace gantry::engine
