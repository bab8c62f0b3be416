#pragma once

// A node of a run, as users see it: one row of the store, one entry of Argo's status.nodes. A run may have a million of them,
// so what many nodes have in common is a SharedText, and what few have is Rare.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/rare.h"
#include "base/shared_text.h"
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

/// Whether a node's outputs came from a cache, and under which key.
struct MemoStatus {
  bool hit = false;
  std::string cache, key;  ///< empty: not memoized
};

/// Which units of named resources a pod has (units.h), by the resource's name: numbers from 0 in order. Of resources that are
/// only counted there is nothing in it.
using HeldUnits = std::map<std::string, std::vector<std::uint32_t>>;

struct Node {
  SharedText id;             ///< root: the run's name; else `<run>-<fnv32a(name)>`
  std::string name;          ///< full name: `wf[0].build`, `wf.deploy(1)`
  std::string display_name;
  NodeType type = NodeType::Pod;
  std::uint32_t life = 0;    ///< RunStatus::retries when it was made
  SharedText template_name;
  SharedText template_ref;   ///< of a call by reference: "NAME/TEMPLATE", or "cluster:NAME/TEMPLATE"
  SharedText template_scope; ///< empty: the workflow itself
  Phase phase = Phase::Pending;
  SharedText boundary_id;    ///< the enclosing Steps or DAG node; empty on roots
  std::string message;
  std::optional<Time> started;
  std::optional<Time> finished;
  Values inputs;
  Rare<NodeOutputs> outputs;
  std::vector<SharedText> children;        ///< ids, each once
  std::vector<SharedText> outbound_nodes;  ///< ids: the last nodes of a Steps or DAG
  bool hooked = false;       ///< an exit handler
  bool retried = false;      ///< an attempt of a Retry node
  bool daemoned = false;     ///< it is ready and goes on until its graph ends
  bool locked = false;       ///< it held its locks when it was stored
  bool has_pod = false;      ///< Pod nodes: a pod was made of it, whose id is pod_id()
  /// Pod nodes: what the next life of the daemon must know about the pod.
  bool start_intended = false;  ///< stored before the pod is started
  Rare<HeldUnits> units;        ///< from start_intended on; stays when the pod is over
  bool changed = false;      ///< the engine's: it is among what the current event has changed
  /// What its program said of itself in $ARGO_PROGRESS_FILE; a total of 0: nothing.
  std::uint32_t progress_done = 0, progress_total = 0;
  SharedText ip;             ///< of the pod
  Rare<MemoStatus> memo;
};

struct RunInfo;
/// The runtime's id of a node's pod: `run-node-attempt`, deterministic and short enough for containerd (76 characters). The
/// node's name holds the attempt; what runs again after `gantry retry` is told from what failed.
std::string pod_id(const RunInfo& run, const Node& node);
/// Argo's name of a node's pod: `<run>-<template>-<fnv32a>`; the root's is the run's name (argo-workflows
/// workflow/util/pod_name.go, version 2).
std::string pod_name(const std::string& run_name, const Node& node);
/// The directory of its pod's logs, below the run's: its name, and which life of the run it is of, so that a pod that
/// runs again does not write into the files of the one that failed.
std::string log_directory(std::string pod_name, const Node& node);

}  // namespace gantry::engine
