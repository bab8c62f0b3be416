#include "runtime/shim/bundle.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <utility>

#include "base/io.h"
#include "base/unique_fd.h"
#include "runtime/shim/runtime_log.h"

namespace gantry::shim {

Result<void> Bundle::write(const char* name, const std::string& content) const {
  const std::string to = file(name), from = file((std::string(".") + name).c_str());
  const UniqueFd out(::open(from.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!out.valid()) return fail(errno_error("write " + to, errno));
  if (auto written = write_all(out.get(), content); !written) return fail(std::move(written.error()).wrap(to));
  if (::rename(from.c_str(), to.c_str()) != 0) return fail(errno_error("write " + to, errno));
  return {};
}

std::string Bundle::read(const char* name) const { return read_from(file(name), 0); }

pid_t read_pid(const std::string& path) {
  const std::string text = read_from(path, 0);
  pid_t pid = 0;
  std::from_chars(text.data(), text.data() + text.size(), pid);
  return pid;
}

}  // namespace gantry::shim
