#pragma once

// What the host offers to pods: the numbers that admission counts with, and what their places stand for. Does not change while
// the daemon lives.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "runtime/pod.h"
#include "scheduler/amounts.h"

namespace gantry::engine {

/// One piece of a named resource, and what a container that holds it is given.
struct Unit {
  std::vector<runtime::Device> devices;
  std::vector<runtime::EnvVar> env;
};

/// Kubernetes' extended resource.
struct NamedResource {
  std::string name;         ///< DOMAIN/NAME
  std::int64_t total = 0;   ///< how many there are
  std::vector<Unit> units;  ///< `total` of them; or empty: it is only counted, one is like the other
};

struct Host {
  /// `pids` 0: processes are not counted.
  scheduler::Amounts capacity{.cpu_milli = 1000, .memory_bytes = 1 << 30, .slots = 110};
  /// By offer(). At most Amounts::kNamed; each is counted where it stands: resources[i] in Amounts::named[i].
  std::vector<NamedResource> resources;
  /// What a container without a limit of its own may have of processes (the runtime's default).
  std::int64_t default_pids = 1024;

  /// InvalidArgument: it has its name from another one, or there is no place left.
  Result<void> offer(NamedResource resource);
  /// The place of a resource in `resources`.
  [[nodiscard]] std::optional<std::size_t> place_of(std::string_view name) const;
  /// "requests 2 of NAME, this host offers none (did you mean …?)", for a name that has no place.
  [[nodiscard]] std::string offers_none(std::string_view name, std::int64_t wanted) const;
};

}  // namespace gantry::engine
