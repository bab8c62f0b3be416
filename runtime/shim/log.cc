#include "runtime/shim/log.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/unique_fd.h"

namespace gantry::shim {
namespace {

bool log_debug = false;  // set once, before there are threads

}  // namespace

void open_log(const std::string& bundle, bool debug) {
  log_debug = debug;
  // With a reader of our own it can be opened and written to while containerd is away.
  const UniqueFd fifo(::open((bundle + "/log").c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
  if (fifo.valid()) ::dup2(fifo.get(), STDERR_FILENO);
}

void log_line(std::string_view level, const std::string& message) {
  if (level == "debug" && !log_debug) return;
  std::string line = "time=\"" + rfc3339_millis(now()) + "\" level=" + std::string(level) + " msg=\"";
  for (const char c : message) {
    if (c == '"' || c == '\\') line.push_back('\\');
    if (c == '\n') {
      line += "\\n";
    } else {
      line.push_back(c);
    }
  }
  line += "\" shim=gantry\n";
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace gantry::shim
