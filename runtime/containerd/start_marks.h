#pragma once

// What of a pod of several containers was started, written down before it is: a file for each
// container below the pod's directory. A daemon that was killed reads them; they need not survive
// the host. Any thread; blocks.

#include <map>
#include <string>

#include "base/error.h"

namespace gantry::containerd {

struct StartMark {
  int attempt = 1;
  bool started = false;  ///< or about to be; false: the attempt is being made
};

Result<void> write_start_mark(const std::string& pod_directory, const std::string& container,
                              StartMark mark);

/// By container; what cannot be read is not there.
std::map<std::string, StartMark> read_start_marks(const std::string& pod_directory);

}  // namespace gantry::containerd
