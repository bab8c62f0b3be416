#pragma once

// Which run is being taken up after a restart. A run that kills the daemon then would kill the next one as well, and no
// other run would ever go on: what a life has not come to the end of is counted, and the daemon parks the run.
//
// A file of lines, "+ UID" before the attempt and "- UID" after it. Lines that were written outlive the process, so
// nothing is synced; a power failure is no run's fault. Gone once all runs are taken up. One thread at a time; what
// cannot be written is not counted.

#include <map>
#include <string>

#include "base/unique_fd.h"

namespace gantry {

class RecoveryLog {
 public:
  RecoveryLog() = default;  ///< counts nothing
  /// Reads what earlier lives have left at `path`. Blocks.
  explicit RecoveryLog(std::string path);

  /// How many lives have ended while they took the run up.
  [[nodiscard]] int deaths(const std::string& uid) const;
  void begin(const std::string& uid);
  void end(const std::string& uid);
  /// All are taken up.
  void clear();

 private:
  void write(const std::string& line);

  std::string path_;
  UniqueFd fd_;
  std::map<std::string, int> open_;  ///< begun and not ended, by uid
};

}  // namespace gantry
