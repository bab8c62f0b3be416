#pragma once

// What an artifact may cost before it is refused with ResourceExhausted. Everything an artifact
// holds comes from a step or from somebody's server, so nothing of it is believed.

#include <cstdint>

#include "base/clock.h"

namespace gantry::artifacts {

struct Limits {
  std::uint64_t max_bytes = std::uint64_t{64} << 30;  ///< content of one artifact, unpacked
  std::uint64_t max_entries = 2'000'000;  ///< files, directories and links of one artifact
  int max_depth = 256;                    ///< directories inside each other
  /// Unpacked bytes for each packed one. Honest archives of zeros reach gzip's own bound (1032), so
  /// it counts only once more than `ratio_from` bytes were unpacked.
  std::uint64_t max_ratio = 400;
  std::uint64_t ratio_from = std::uint64_t{1} << 30;
  Duration transfer_timeout = std::chrono::hours(1);  ///< one request, or one git command
  Duration connect_timeout = std::chrono::seconds(30);
  Duration stall_timeout = std::chrono::seconds(120);  ///< an HTTP transfer that moves nothing
  /// S3 requests that failed for a reason that may pass: so often in all, waiting so long before
  /// the second try and 1.6 times as long before each later one (Argo's executor: 5, 1 s, 1.6).
  int attempts = 5;
  Duration retry_delay = std::chrono::seconds(1);
};

}  // namespace gantry::artifacts
