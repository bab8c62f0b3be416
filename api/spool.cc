#include "api/spool.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "base/ids.h"

namespace gantry::api {

Result<std::shared_ptr<Spool>> Spool::create(const std::string& directory) {
  std::string path = directory + "/upload-" + random_uuid() + ".tar";
  UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!fd.valid()) return fail(errno_error("create " + path, errno));
  return std::make_shared<Spool>(std::move(path), std::move(fd));
}

Spool::~Spool() {
  if (!path_.empty()) ::unlink(path_.c_str());
}

Result<void> Spool::write(std::string_view data) {
  while (!data.empty()) {
    ssize_t count = ::write(fd_.get(), data.data(), data.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail(errno_error("write " + path_, errno));
    data.remove_prefix(static_cast<std::size_t>(count));
    size_ += static_cast<std::size_t>(count);
  }
  return {};
}

std::string Spool::release() {
  fd_.reset();
  return std::exchange(path_, {});
}

}  // namespace gantry::api
