#pragma once

// ttlStrategy: how long a workflow is kept once it is over (argo-workflows workflow/gccontroller).
// Pure.

#include <optional>
#include <string>

#include "base/clock.h"
#include "daemon/engine/run.h"

namespace gantry {

struct Ttl {
  std::optional<Duration> after_completion, after_success, after_failure;

  /// Values that this one does not have come from `other`.
  [[nodiscard]] Ttl or_else(const Ttl& other) const;
  [[nodiscard]] bool empty() const { return !after_completion && !after_success && !after_failure; }
  /// When a run that ended so is to be deleted; nothing: never. after_failure is for Failed only,
  /// Error has only after_completion.
  [[nodiscard]] std::optional<Time> expiry(engine::RunPhase phase, Time finished) const;
  bool operator==(const Ttl&) const = default;
};

/// The `ttlStrategy` of a spec as JSON; none, or one that cannot be read, is empty.
Ttl ttl_of_spec(const std::string& spec_json);
/// The store's form, "" when empty; and back.
std::string to_text(const Ttl& ttl);
Ttl read_ttl(const std::string& text);

}  // namespace gantry
