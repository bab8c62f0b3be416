#pragma once

// Messages about a workflow file (`FILE:LINE:COLUMN: text`), with the line they speak of
// underneath. Pure.

#include <string>
#include <string_view>
#include <vector>

#include "cli/render/terminal.h"

namespace gantry::cli {

/// The lines of an error message; empty ones are left out.
std::vector<std::string> message_lines(std::string_view message);

/// Two lines that show the source at `line`'s `FILE:LINE:COLUMN:` and a caret under the column; ""
/// when `line` does not speak of `file` or the place is not in `source`.
std::string excerpt(std::string_view line, std::string_view file, std::string_view source,
                    const Terminal& terminal);

}  // namespace gantry::cli
