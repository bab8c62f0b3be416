#pragma once

// A program of the host that is run to its end, with exactly the environment that is given and in a
// process group of its own, which is killed as a whole. Never through a shell. Blocks; any thread.

#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"

namespace gantry::artifacts {

struct Program {
  std::vector<std::string> argv;         ///< argv[0] is looked for in the environment's PATH
  std::vector<std::string> environment;  ///< "NAME=value"
  std::string directory;                 ///< where it runs; absolute
};

struct ProgramExit {
  int code = 0;        ///< 128 + signal when killed by one
  std::string output;  ///< standard output
  std::string errors;  ///< standard error; of both at most the last 64 KiB
};

/// DeadlineExceeded after `timeout`, Cancelled once `cancel` (a descriptor, or -1) is readable.
Result<ProgramExit> run(const Program& program, Duration timeout, int cancel);

}  // namespace gantry::artifacts
