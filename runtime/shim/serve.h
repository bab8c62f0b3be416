#pragma once

// The server: the process that stays as long as its container.

#include "base/unique_fd.h"
#include "runtime/shim/bundle.h"
#include "runtime/shim/command_line.h"

namespace gantry::shim {

/// Serves the task service at `listener` until containerd has no more use for it; then removes `socket_path` and ends
/// the process. TTRPC_ADDRESS of the environment is where events go.
[[noreturn]] void serve(const CommandLine& line, const Bundle& bundle, UniqueFd listener,
                        const std::string& socket_path);

}  // namespace gantry::shim
