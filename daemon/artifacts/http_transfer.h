#pragma once

// One HTTP request over libcurl, from beginning to end. Blocks; any thread, several at once. Only
// http and https are spoken. What is in a request stays out of errors but for the method and the
// URL without its secrets.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/error.h"
#include "daemon/artifacts/limits.h"
#include "daemon/artifacts/location.h"

namespace gantry::artifacts {

/// What every transfer needs.
struct Context {
  const Limits& limits;
  int cancel = -1;  ///< a descriptor that becomes readable when the work is not wanted any more
};

/// Waits for `delay`. False: cancelled.
bool wait_unless_cancelled(const Context& context, Duration delay);

struct HttpRequest {
  /// Bytes of a file, read with pread(2), so that they can be sent again.
  struct FilePart {
    int fd;
    std::uint64_t offset, size;
  };
  /// libcurl's AWS signature, version 4, for the service s3.
  struct AwsSignature {
    std::string region, access_key, secret_key;
  };

  std::string method = "GET";
  std::string url;
  std::vector<std::string> headers;  ///< "Name: value"
  BasicAuth basic;  ///< used when both are given; not sent to other hosts on redirects
  std::optional<ClientCertificate> client_certificate;
  std::string ca;  ///< PEM
  bool insecure_skip_verify = false;
  std::optional<AwsSignature> aws;
  bool follow_redirects = false;  ///< at most 10, as Go's client
  std::variant<std::monostate, std::string, FilePart> body;
  int to_fd = -1;  ///< where the body of a 2xx answer goes; -1: HttpResponse::body
};

struct HttpResponse {
  long status = 0;
  std::map<std::string, std::string> headers;  ///< of the last answer; names in lower case
  std::string body;                            ///< at most 64 MiB; of a bad answer the first 64 KiB

  [[nodiscard]] bool ok() const { return status >= 200 && status < 300; }
};

/// An answer with any status is a result. Unavailable: no connection, or it broke;
/// DeadlineExceeded; Cancelled; ResourceExhausted: the body is larger than the limit;
/// InvalidArgument: a bad URL or certificate.
Result<HttpResponse> transfer(const HttpRequest& request, const Context& context);

}  // namespace gantry::artifacts
