#pragma once

// One process of a container as containerd sees it: the first (its id is empty) or one that exec added. Loop thread.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/shim/children.h"
#include "runtime/shim/copies.h"
#include "runtime/shim/stdio.h"

namespace gantry::shim {

enum class Phase { Created, Running, Pausing, Paused, Stopped, Deleted };
constexpr const char* phase_name(Phase phase) {
  switch (phase) {
    case Phase::Created: return "created";
    case Phase::Running: return "running";
    case Phase::Pausing: return "pausing";
    case Phase::Paused: return "paused";
    case Phase::Stopped: return "stopped";
    case Phase::Deleted: return "deleted";
  }
  return "";
}

struct Process {
  Process(std::string process_id, Stdio streams, Loop& loop)
      : id(std::move(process_id)), stdio(std::move(streams)), copies(loop) {}

  std::string id;  ///< of the exec
  Stdio stdio;
  Copies copies;
  UniqueFd stdin_keeper;  ///< closed, the process comes to the end of its input
  UniqueFd console;       ///< the master of its terminal
  std::string spec;       ///< of an exec: the OCI process, JSON
  pid_t pid = 0;
  Phase phase = Phase::Created;
  /// The OCI runtime is at starting it: its end is told after its start.
  bool starting = false;
  std::optional<Exit> ended;  ///< reaped; its pid is another's soon
  std::optional<Exit> exit;   ///< the same, once it may be told
  std::vector<std::function<void(const Exit&)>> waiters;
};

}  // namespace gantry::shim
