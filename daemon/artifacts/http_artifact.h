#pragma once

// Artifacts of plain HTTP servers, by the rules of Argo's driver (workflow/artifacts/http/http.go).
// Blocks.

#include "base/error.h"
#include "daemon/artifacts/http_transfer.h"
#include "daemon/artifacts/location.h"

namespace gantry::artifacts {

/// GETs what is there into an open, empty file. NotFound: 404.
Result<void> load_http(const Http& location, int to_fd, const Context& context);

/// PUTs the first `size` bytes of an open file.
Result<void> save_http(const Http& location, int fd, std::uint64_t size, const Context& context);

}  // namespace gantry::artifacts
