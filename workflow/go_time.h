#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace gantry::workflow {

/// Seconds since the epoch of a text that is written like Go's `layout` ("2006-01-02 15:04:05"), as
/// time.ParseInLocation reads it with UTC as the local time: fractions of a second may follow the
/// seconds and are dropped, names of months and days count in any case, unknown names of time zones
/// are UTC. The layout's elements may be: Mon Jan 2006 01 02 _2 15 3 04 05 PM MST -0700 -07:00
/// Z0700 Z07:00 .999999999.
std::optional<std::int64_t> parse_go_time(std::string_view layout, std::string_view text);

}  // namespace gantry::workflow
