#pragma once

// One execution of one plan: what was submitted, and what has become of it so far.

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "daemon/engine/node_index.h"
#include "workflow/plan.h"

namespace gantry::engine {

enum class RunPhase : std::uint8_t { Pending, Running, Succeeded, Failed, Error };
std::string_view run_phase_name(RunPhase phase);
std::optional<RunPhase> run_phase_from(std::string_view name);
constexpr bool is_ended(RunPhase p) { return p >= RunPhase::Succeeded; }

/// `stop` lets exit handlers run, `terminate` does not (v1alpha1 ShutdownStrategy).
enum class Shutdown : std::uint8_t { None, Stop, Terminate };
std::string_view shutdown_name(Shutdown shutdown);  ///< "", "Stop", "Terminate"
std::optional<Shutdown> shutdown_from(std::string_view name);

/// What does not change once a run is accepted.
struct RunInfo {
  std::string uid;
  std::string name_space;
  std::string name;
  std::string generate_name;
  std::map<std::string, std::string> labels;       ///< the user's; the daemon adds phase and completed
  std::map<std::string, std::string> annotations;
  std::string spec_json;
  Time created{};
};

/// What changes as a whole, in one row of the store.
struct RunStatus {
  RunPhase phase = RunPhase::Pending;
  std::string message;
  std::optional<Time> started;
  std::optional<Time> finished;
  Shutdown shutdown = Shutdown::None;
  bool suspended = false;  ///< nothing new starts until it is resumed
  Values outputs;             ///< of globalName
  std::uint32_t retries = 0;  ///< how often it was over and went on (`gantry retry`)
};

/// Owned by the engine; readable by the loop thread between two events.
struct Run {
  RunInfo info;
  workflow::PlanPtr plan;
  RunStatus status;
  std::deque<Node> nodes;                           ///< in order of creation; addresses do not change
  NodeIndex<&Node::name> by_name;                   ///< full name

  [[nodiscard]] Node* find(std::string_view full_name) { return by_name.find(full_name); }
};

}  // namespace gantry::engine
