#pragma once

#include <string>

namespace gantry {

/// Sends the log to standard error: with priorities for the journal when it listens there, else
/// with times.
void start_log(const std::string& level);

}  // namespace gantry
