#include "base/io.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace gantry {

Result<std::string> read_all(int fd, std::size_t limit) {
  std::string content;
  std::size_t used = 0;
  for (;;) {
    if (used == content.size()) content.resize(std::min(used * 2 + 4096, limit + 1));
    const ssize_t got = ::read(fd, content.data() + used, content.size() - used);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(errno_error("read", errno));
    if (got == 0) break;
    used += static_cast<std::size_t>(got);
    if (used > limit) return fail(Code::ResourceExhausted, "is larger than " + std::to_string(limit) + " bytes");
  }
  content.resize(used);
  return content;
}

Result<void> write_all(int fd, std::string_view data) {
  while (!data.empty()) {
    const ssize_t put = ::write(fd, data.data(), data.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return fail(errno_error("write", errno));
    data.remove_prefix(static_cast<std::size_t>(put));
  }
  return {};
}

}  // namespace gantry
