#pragma once

// What happens from outside in a play, and when: to the daemon, to the disk, to containerd, to the clock, to runs.

#include <cstdint>
#include <string>

namespace gantry::testing::whole {

struct Mishap {
  enum class Kind : std::uint8_t {
    // The daemon is killed; with Power, what was not synced is lost as well.
    Kill, KillAtEffect, KillAtDisk,
    Power, PowerAtEffect, PowerAtDisk,
    Terminate,  ///< SIGTERM: it stops in order
    DiskFull, DiskFails,
    ContainerdDies, TaskForgotten, Reboot,
    ClockForward, ClockBack,
    // By a client, to the run `run`.
    RunStopped, RunTerminated, RunSuspended, RunResumed, RunRetried, RunDeleted,
  };
  std::size_t step = 0;    ///< before the step of that number
  Kind kind = Kind::Kill;
  std::size_t run = 0;
  std::uint64_t roll = 0;  ///< for what else there is to choose
};

constexpr bool is_of_client(Mishap::Kind kind) { return kind >= Mishap::Kind::RunStopped; }
std::string to_string(const Mishap& mishap);

}  // namespace gantry::testing::whole
