#pragma once

// The shim's log: the FIFO `log` of the bundle, which containerd copies into its own. A line that nobody takes is
// dropped; nothing here blocks. Any thread.

#include <string>
#include <string_view>

namespace gantry::shim {

/// Makes the FIFO of `bundle` standard error.
void open_log(const std::string& bundle, bool debug);
/// `level` as logrus names it: debug, info, warning, error. Debug lines are for a shim started with -debug.
void log_line(std::string_view level, const std::string& message);

}  // namespace gantry::shim
