#pragma once

// Numbers in texts as Go's package strconv reads them.

#include <cstdint>
#include <optional>
#include <string_view>

namespace gantry::workflow::expr {

/// strconv.ParseInt(text, base, 64). Base 0: 0x, 0o, 0b and a leading 0 tell, and underscores may
/// stand between digits.
std::optional<std::int64_t> parse_go_int(std::string_view text, int base);
/// strconv.ParseFloat(text, 64), out of range is nothing.
std::optional<double> parse_go_float(std::string_view text);

}  // namespace gantry::workflow::expr
