#pragma once

// Durations and times as `argo` prints them (argo-workflows util/humanize, dustin/go-humanize).

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace gantry::cli {

/// One unit: `0s 5s 2m 1h 3d`.
std::string short_duration(Duration duration);
/// From `start` to `finish`, or to `now` while it lasts. `0s` when it has not begun.
std::string short_duration(std::optional<Time> start, std::optional<Time> finish, Time now);
/// Two units: `5 seconds`, `1 minute 30 seconds`, `2 hours 5 minutes`, `3 days 4 hours`.
std::string long_duration(Duration duration);
/// `Mon Jan 02 15:04:05 -0700 (5 seconds ago)`, local time.
std::string timestamp(Time time, Time now);
/// `2024-01-01 00:00:03 +0000 UTC`: Go's print of a time, local time.
std::string go_time(Time time);
/// For live displays: `0.4s`, `12.3s`, `1m05s`, `2h07m`.
std::string running_time(Duration duration);

/// Argo's relative durations: a number with one unit, `s m h d` (`10m`, `2h`, `1d`); also Go's sums
/// (`1h30m`).
std::optional<Duration> parse_duration(std::string_view text);

}  // namespace gantry::cli
