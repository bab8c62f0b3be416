#pragma once

// Amounts and durations as Kubernetes and Go write them.

#include <cstdint>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"

namespace gantry::workflow {

/// A Kubernetes quantity of CPU ("500m", "0.5", "2", "1e3") in thousandths of a CPU, rounded up as
/// k8s.io/apimachinery resource.Quantity.MilliValue does. Fails with InvalidArgument when it is no
/// quantity or is negative, with OutOfRange beyond 2^63 - 1.
Result<std::int64_t> parse_cpu_milli(std::string_view text);

/// A Kubernetes quantity of bytes ("64Mi", "1.5Gi", "1e3", "128974848", "500M") in bytes, rounded
/// up as Quantity.Value does; errors as above.
Result<std::int64_t> parse_bytes(std::string_view text);

/// A Kubernetes quantity that is a whole number ("2", "1k", "2.0"); errors as above, and InvalidArgument for any other.
Result<std::int64_t> parse_whole(std::string_view text);

/// A Go duration ("1h2m3.5s", "300ms", "-1.5h", "0"), as time.ParseDuration reads it and with its
/// words in the error. Parts of a millisecond are rounded away from zero, so that no positive
/// duration becomes 0.
Result<Duration> parse_go_duration(std::string_view text);

/// As parse_go_duration, but a whole number without a unit means seconds (argo-workflows
/// ParseStringToDuration: the durations of backoff and of suspend templates; not `timeout`, which
/// refuses the bare number).
Result<Duration> parse_duration_or_seconds(std::string_view text);

}  // namespace gantry::workflow
