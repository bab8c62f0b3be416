#pragma once

// Time as Gantry stores and prints it. The rooms without I/O never ask a clock: time comes in with the event.

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace gantry {

using Duration = std::chrono::milliseconds;
/// Wall-clock time, milliseconds since the epoch, UTC.
using Time = std::chrono::sys_time<Duration>;

/// The wall clock. Only the daemon's loop and tests call it.
Time now();

/// `2006-01-02T15:04:05Z`, the form of Kubernetes and Argo: whole seconds, UTC.
std::string rfc3339(Time time);
/// `2006-01-02T15:04:05.123456789Z`-like with milliseconds, for log time stamps.
std::string rfc3339_millis(Time time);
std::optional<Time> parse_rfc3339(std::string_view text);

}  // namespace gantry
