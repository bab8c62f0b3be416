#pragma once

// A request body on its way to a file, because it is too large for memory (image archives).
//
// One thread at a time: the server's loop, or a worker while the loop waits for it. The file
// disappears with the object unless `release` hands it on.

#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/unique_fd.h"

namespace gantry::api {

class Spool {
 public:
  /// Creates `directory/upload-<random>.tar` with mode 0600.
  static Result<std::shared_ptr<Spool>> create(const std::string& directory);
  Spool(std::string path, UniqueFd fd) : path_(std::move(path)), fd_(std::move(fd)) {}
  ~Spool();
  Spool(const Spool&) = delete;
  Spool& operator=(const Spool&) = delete;

  Result<void> write(std::string_view data);
  [[nodiscard]] std::size_t size() const { return size_; }
  /// Closes the file and returns its path; the caller deletes it from now on.
  std::string release();

 private:
  std::string path_;  ///< empty once released
  UniqueFd fd_;
  std::size_t size_ = 0;
};

}  // namespace gantry::api
