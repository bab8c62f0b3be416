// containerd-shim-gantry-v1: see runtime/shim/shim.h.

#include <cstdio>

#include "runtime/shim/remove.h"
#include "runtime/shim/start.h"

int main(int argc, char** argv) {
  using namespace gantry;
  const auto line = shim::parse_command_line(argc, argv);
  if (line && line->version) {
    std::puts("containerd-shim-gantry-v1 " GANTRY_VERSION);
    return 0;
  }
  Result<void> done = line ? Result<void>() : fail(line.error());
  if (line && line->action == "start") {
    done = shim::start(*line);
  } else if (line && line->action == "delete") {
    done = shim::remove(*line);
  } else if (line) {
    done = fail(Code::InvalidArgument, "nothing to do: start or delete");
  }
  if (done) return 0;
  std::fprintf(stderr, "containerd-shim-gantry-v1: %s\n", done.error().message.c_str());
  return 1;
}
