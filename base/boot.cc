#include "base/boot.h"

#include <cerrno>
#include <fstream>

namespace gantry {

Result<std::string> boot_id() {
  const char* path = "/proc/sys/kernel/random/boot_id";
  std::ifstream in(path);
  std::string id;
  if (!(in >> id)) return fail(errno_error(std::string("read ") + path, errno));
  return id;
}

}  // namespace gantry
