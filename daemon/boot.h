#pragma once

// Whether the host was rebooted since the last life of the daemon. What ran then is gone, whatever containerd has on disk
// says of it, and nobody knows how far it came.

#include <string>

#include "base/error.h"

namespace gantry {

class BootRecord {
 public:
  /// Reads `path`, in which an earlier life has written the boot that it lived in. Blocks.
  static Result<BootRecord> open(std::string path);

  /// False too when no life has written anything yet.
  [[nodiscard]] bool rebooted() const { return !last_.empty() && last_ != now_; }
  /// Writes down this boot; durable when it returns. Blocks. Only after what the reboot has ended is stored as ended:
  /// the next life does not look again.
  [[nodiscard]] Result<void> write() const;

 private:
  std::string path_, last_, now_;
};

}  // namespace gantry
