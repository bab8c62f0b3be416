#pragma once

// How containerd calls a shim: containerd-shim-gantry-v1 -namespace NS -address SOCKET -publish-binary FILE -id ID
// [-bundle DIRECTORY] [-debug] start|delete, in Go's way of flags. Source: containerd 1.6, runtime/v2/shim/shim.go.

#include <string>

#include "base/error.h"

namespace gantry::shim {

struct CommandLine {
  std::string name_space, address, id, bundle;
  std::string action;  ///< start, delete, or nothing
  bool debug = false, version = false;
};

/// InvalidArgument.
Result<CommandLine> parse_command_line(int argc, const char* const* argv);

}  // namespace gantry::shim
