#pragma once

#include <cstdint>
#include <string_view>

namespace gantry::workflow {

/// The phase of a node, with Argo's names and meanings (argo-workflows pkg/apis/workflow/v1alpha1 NodePhase).
enum class Phase : std::uint8_t {
  Pending,    ///< Accepted, nothing of it runs yet.
  Running,    ///< Started, not ended.
  Succeeded,  ///< Ended well.
  Failed,     ///< The user's code failed.
  Error,      ///< The system failed: template not resolvable, image missing, required output missing, task lost.
  Skipped,    ///< `when` was false. Counts as success for step groups and for a bare `depends`.
  Omitted,    ///< `depends` was false. Lets order-only successors run.
};

std::string_view phase_name(Phase phase);

/// Ended with a result of its own: Succeeded, Failed or Error.
constexpr bool is_completed(Phase p) {
  return p == Phase::Succeeded || p == Phase::Failed || p == Phase::Error;
}
/// Nothing more will happen to it: completed, Skipped or Omitted.
constexpr bool is_fulfilled(Phase p) {
  return is_completed(p) || p == Phase::Skipped || p == Phase::Omitted;
}
constexpr bool is_failed_or_error(Phase p) { return p == Phase::Failed || p == Phase::Error; }

}  // namespace gantry::workflow
