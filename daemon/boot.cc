#include "daemon/boot.h"

#include <fcntl.h>

#include <cerrno>
#include <filesystem>
#include <fstream>

#include "base/boot.h"
#include "base/durable.h"
#include "base/io.h"
#include "base/unique_fd.h"

namespace gantry {

Result<BootRecord> BootRecord::open(std::string path) {
  BootRecord record;
  auto now = boot_id();
  if (!now) return fail(std::move(now.error()));
  record.now_ = std::move(*now);
  record.path_ = std::move(path);
  std::error_code error;
  if (!std::filesystem::exists(record.path_, error)) return record;
  std::ifstream in(record.path_);
  if (!(in >> record.last_)) return fail(errno_error("read " + record.path_, errno));
  return record;
}

Result<void> BootRecord::write() const {
  if (last_ == now_) return {};
  const std::string temporary = path_ + ".new";
  const UniqueFd fd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!fd.valid()) return fail(errno_error("write " + temporary, errno));
  if (auto written = write_all(fd.get(), now_ + "\n"); !written) return written;
  if (auto synced = sync_path(temporary); !synced) return synced;
  std::error_code error;
  std::filesystem::rename(temporary, path_, error);
  if (error) return fail(errno_error("write " + path_, error.value()));
  return sync_directory_of(path_);
}

}  // namespace gantry
