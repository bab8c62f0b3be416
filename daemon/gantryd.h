#pragma once

// The program: makes everything in its order, runs the loop, and stops in the opposite order. Main
// thread.

#include "base/error.h"
#include "daemon/config.h"

namespace gantry {

/// Runs until SIGTERM or SIGINT. An error says why it could not start or go on.
Result<void> run_gantryd(DaemonConfig config);

}  // namespace gantry
