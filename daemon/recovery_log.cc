#include "daemon/recovery_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <fstream>
#include <utility>

namespace gantry {

RecoveryLog::RecoveryLog(std::string path) : path_(std::move(path)) {
  std::ifstream in(path_);
  std::string what, uid;
  while (in >> what >> uid) open_[uid] += what == "+" ? 1 : -1;
}

int RecoveryLog::deaths(const std::string& uid) const {
  const auto found = open_.find(uid);
  return found == open_.end() ? 0 : found->second;
}

void RecoveryLog::begin(const std::string& uid) { write("+ " + uid + "\n"); }
void RecoveryLog::end(const std::string& uid) { write("- " + uid + "\n"); }

void RecoveryLog::write(const std::string& line) {
  if (path_.empty()) return;
  if (!fd_.valid()) fd_.reset(::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  [[maybe_unused]] const auto written = ::write(fd_.get(), line.data(), line.size());
}

void RecoveryLog::clear() {
  fd_.reset();
  open_.clear();
  if (!path_.empty()) ::unlink(path_.c_str());
}

}  // namespace gantry
