#include "daemon/log_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

namespace gantry {

constexpr std::size_t kChunk = 64 * 1024;

UniqueFd LogFile::open() const { return UniqueFd(::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)); }

std::optional<Time> LogFile::last_written() {
  struct stat info {};
  const UniqueFd fd = open();
  if (!fd.valid() || ::fstat(fd.get(), &info) != 0) return std::nullopt;
  auto since_epoch =
      std::chrono::seconds(info.st_mtim.tv_sec) + std::chrono::nanoseconds(info.st_mtim.tv_nsec);
  return Time(std::chrono::duration_cast<Duration>(since_epoch));
}

void LogFile::take(const char* data, std::size_t size, std::vector<std::string>& lines) {
  while (size > 0) {
    std::size_t length = std::min(size, kLongestLine - partial_.size());
    const auto* newline = static_cast<const char*>(std::memchr(data, '\n', length));
    if (newline != nullptr) length = static_cast<std::size_t>(newline - data);
    partial_.append(data, length);
    // The newline of a line that filled its last piece exactly ends nothing.
    if (newline != nullptr && !(cut_ && partial_.empty())) {
      lines.push_back(std::exchange(partial_, {}));
    }
    cut_ = newline == nullptr && partial_.size() == kLongestLine;
    if (cut_) lines.push_back(std::exchange(partial_, {}));
    std::size_t used = length + (newline != nullptr ? 1 : 0);
    data += used;
    size -= used;
  }
}

Result<bool> LogFile::read(std::size_t budget, std::vector<std::string>& lines) {
  const UniqueFd fd = open();
  if (!fd.valid()) {
    if (errno == ENOENT) return false;
    return fail(errno_error("read the log " + path_, errno));
  }
  std::vector<char> chunk(kChunk);
  std::size_t taken = 0;
  while (taken < budget) {
    ssize_t got = ::pread(fd.get(), chunk.data(), chunk.size(), offset_);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(errno_error("read the log " + path_, errno));
    if (got == 0) return false;
    offset_ += got;
    taken += static_cast<std::size_t>(got);
    take(chunk.data(), static_cast<std::size_t>(got), lines);
  }
  return true;
}

void LogFile::finish(std::vector<std::string>& lines) {
  if (!partial_.empty()) lines.push_back(std::exchange(partial_, {}));
}

Result<std::size_t> LogFile::seek_tail(std::size_t lines) {
  struct stat info {};
  const UniqueFd fd = open();
  if (!fd.valid() || ::fstat(fd.get(), &info) != 0) return 0;
  std::int64_t end = info.st_size;
  std::vector<char> chunk(kChunk);
  std::size_t found = 0;
  offset_ = end;
  if (lines == 0) return 0;
  while (offset_ > 0) {
    std::int64_t start = std::max<std::int64_t>(0, offset_ - static_cast<std::int64_t>(kChunk));
    ssize_t got =
        ::pread(fd.get(), chunk.data(), static_cast<std::size_t>(offset_ - start), start);
    if (got < 0) return fail(errno_error("read the log " + path_, errno));
    if (got == 0) break;
    for (ssize_t i = got - 1; i >= 0; --i) {
      std::int64_t at = start + i;
      // The newline at the very end ends the last line; the others begin the line after them.
      if (chunk[static_cast<std::size_t>(i)] != '\n' || at == end - 1) continue;
      if (++found == lines) {
        offset_ = at + 1;
        return found;
      }
    }
    offset_ = start;
  }
  return end > 0 ? found + 1 : 0;  // the beginning of the file begins a line, too
}

}  // namespace gantry
