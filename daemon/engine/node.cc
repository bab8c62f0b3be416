#include "daemon/engine/node.h"

#include <array>
#include <utility>

#include "base/ids.h"
#include "daemon/engine/run.h"

namespace gantry::engine {

template <class E, std::size_t N>
using Names = std::array<std::pair<E, std::string_view>, N>;

constexpr Names<NodeType, 10> kNodeTypes{{{NodeType::Pod, "Pod"},
                                         {NodeType::Steps, "Steps"},
                                         {NodeType::StepGroup, "StepGroup"},
                                         {NodeType::Dag, "DAG"},
                                         {NodeType::TaskGroup, "TaskGroup"},
                                         {NodeType::Retry, "Retry"},
                                         {NodeType::Skipped, "Skipped"},
                                         {NodeType::Suspend, "Suspend"},
                                         {NodeType::Http, "HTTP"},
                                         {NodeType::Container, "Container"}}};
constexpr Names<RunPhase, 5> kRunPhases{{{RunPhase::Pending, "Pending"},
                                         {RunPhase::Running, "Running"},
                                         {RunPhase::Succeeded, "Succeeded"},
                                         {RunPhase::Failed, "Failed"},
                                         {RunPhase::Error, "Error"}}};
constexpr Names<Shutdown, 3> kShutdowns{
    {{Shutdown::None, ""}, {Shutdown::Stop, "Stop"}, {Shutdown::Terminate, "Terminate"}}};
constexpr std::array kPhases{Phase::Pending, Phase::Running, Phase::Succeeded, Phase::Failed,
                             Phase::Error,   Phase::Skipped, Phase::Omitted};

template <class E, std::size_t N>
static std::string_view name_of(const Names<E, N>& names, E value) {
  for (const auto& [candidate, name] : names) {
    if (candidate == value) return name;
  }
  return "";
}

template <class E, std::size_t N>
static std::optional<E> value_of(const Names<E, N>& names, std::string_view text) {
  for (const auto& [value, name] : names) {
    if (name == text) return value;
  }
  return std::nullopt;
}

std::string_view node_type_name(NodeType type) { return name_of(kNodeTypes, type); }
std::optional<NodeType> node_type_from(std::string_view name) { return value_of(kNodeTypes, name); }
std::string_view run_phase_name(RunPhase phase) { return name_of(kRunPhases, phase); }
std::optional<RunPhase> run_phase_from(std::string_view name) { return value_of(kRunPhases, name); }
std::string_view shutdown_name(Shutdown shutdown) { return name_of(kShutdowns, shutdown); }
std::optional<Shutdown> shutdown_from(std::string_view name) { return value_of(kShutdowns, name); }

std::optional<Phase> phase_from(std::string_view name) {
  for (Phase phase : kPhases) {
    if (workflow::phase_name(phase) == name) return phase;
  }
  return std::nullopt;
}

std::string pod_id(const RunInfo& run, const Node& node) {
  std::string uid = run.uid;
  std::erase(uid, '-');
  std::string hash = node.id == run.name ? std::to_string(fnv32a(node.name)) : node.id.str().substr(run.name.size() + 1);
  return uid.substr(0, 20) + "-" + hash + (node.life > 0 ? "-r" + std::to_string(node.life) : "");
}

std::string pod_name(const std::string& run_name, const Node& node) {
  if (node.name == run_name) return run_name;
  // Kubernetes bounds a pod's name at 253; the hash must stay whole.
  constexpr std::size_t kLongest = 253;
  std::string hash = std::to_string(fnv32a(node.name));
  std::string prefix = run_name;
  if (!node.template_name.empty()) prefix += "-" + node.template_name;
  if (prefix.size() + 1 + hash.size() > kLongest) prefix.resize(kLongest - 1 - hash.size());
  return prefix + "-" + hash;
}

std::string log_directory(std::string pod_name, const Node& node) {
  if (node.life > 0) pod_name += "." + std::to_string(node.life);
  return pod_name;
}

}  // namespace gantry::engine
