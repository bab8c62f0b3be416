#pragma once

// Semantic versions and constraints on them: Masterminds/semver v3.3.0.

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace gantry::workflow::expr {

struct Version {
  std::uint64_t major = 0, minor = 0, patch = 0;
  std::string prerelease;
  std::string metadata;

  /// "v1", "1.2", "1.2.3-rc.1+build". Fails with `Invalid Semantic Version` and the like.
  static Result<Version> parse(std::string_view text);
  [[nodiscard]] std::string text() const;
  /// Below, at or above 0; metadata does not count.
  [[nodiscard]] int compare(const Version& other) const;
};

/// Whether `version` is within "^1.2 || >= 2.1, < 3", "~1.2.x", "1.2 - 1.4.5" … Fails with
/// `improper constraint: x` and as Version::parse.
Result<bool> version_matches(std::string_view constraint, std::string_view version);

}  // namespace gantry::workflow::expr
