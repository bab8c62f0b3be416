#pragma once

// The part of S3 that artifacts need, over libcurl, which also signs. Requests that failed for a
// reason that may pass (no connection, 5xx, 429, SlowDown and the like;
// workflow/artifacts/s3/errors.go) are made again. Blocks; a client belongs to one thread.

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "daemon/artifacts/http_transfer.h"
#include "daemon/artifacts/location.h"

namespace gantry::artifacts {

class S3Client {
 public:
  /// Files above `part_size` bytes (at least 5 MiB, as S3 wants it) go up in parts.
  S3Client(const S3& location, const Context& context, std::uint64_t part_size = 64 << 20)
      : location_(location), context_(context), region_(location.region), part_size_(part_size) {}

  /// NotFound: there is no such key. A missing bucket is FailedPrecondition.
  Result<void> get(const std::string& key, int to_fd);
  Result<void> put(const std::string& key, int fd, std::uint64_t size);
  Result<bool> exists(const std::string& key);
  /// All keys that start with `prefix`, sorted by S3; those that end in '/' (made by consoles for
  /// "directories") not.
  Result<std::vector<std::string>> list(const std::string& prefix);
  /// No error when there is no such key.
  Result<void> remove(const std::string& key);
  /// No error when it is there already and ours.
  Result<void> create_bucket();

 private:
  struct Call {
    std::string method;
    std::string key;    ///< empty: the bucket
    std::string query;  ///< sorted and encoded; every name has a '='
    std::variant<std::monostate, std::string, HttpRequest::FilePart> body;
    int to_fd = -1;
  };
  Result<HttpResponse> perform(const Call& call);
  [[nodiscard]] HttpRequest request_of(const Call& call, const std::string& payload_hash) const;
  [[nodiscard]] std::string url_of(const Call& call) const;
  Result<void> put_parts(const std::string& key, int fd, std::uint64_t size);
  Result<std::string> put_part(const std::string& key, const std::string& upload, int number,
                               HttpRequest::FilePart part);

  const S3& location_;
  const Context& context_;
  std::string region_;
  std::uint64_t part_size_;
};

}  // namespace gantry::artifacts
