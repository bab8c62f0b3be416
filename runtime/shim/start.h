#pragma once

// `start`: makes the socket, leaves a server behind in a process of its own, and prints the address.
// The working directory is the bundle; standard input carries containerd.runc.v1.Options in an Any.
// Source: containerd 1.6, runtime/v2/runc/manager.

#include "runtime/shim/command_line.h"

namespace gantry::shim {

/// Returns in the parent, with the address printed; in the server, which never returns, it becomes serve().
Result<void> start(const CommandLine& line);

}  // namespace gantry::shim
