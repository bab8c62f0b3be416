#pragma once

// Time zones by their IANA names (Go's time.LoadLocation). The tables are the host's tzdata, read
// through Abseil's time library and kept: the one thing in this room that is not in the arguments.

#include <absl/time/time.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gantry::workflow::expr {

/// Copied freely; any thread.
class Zone {
 public:
  /// UTC, which is also Local: Argo's controller runs in it.
  Zone();
  /// "" and "UTC" are UTC, "Local" is Local, else a name like "Europe/Berlin".
  static std::optional<Zone> load(std::string_view name);
  /// A fixed offset east of UTC, as a parsed "-0700" or "CET" gives it; `name` may be empty.
  static Zone fixed(std::string name, std::int32_t seconds_east);

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] bool is_utc() const { return utc_; }

  struct Offset {
    std::int32_t seconds_east;
    std::string abbreviation;  ///< "CEST"; empty for a fixed offset without a name
  };
  /// What holds at an instant, in seconds since the epoch.
  [[nodiscard]] Offset at(std::int64_t unix_seconds) const;
  /// Seconds since the epoch of a wall clock's reading (given as if it were UTC). Where the reading
  /// occurs twice or never, the offset before the change counts, as Go guesses.
  [[nodiscard]] std::int64_t to_unix(std::int64_t wall_seconds) const;

 private:
  std::string name_ = "UTC";
  bool utc_ = true;
  bool fixed_ = true;
  std::int32_t offset_ = 0;
  absl::TimeZone zone_;
};

}  // namespace gantry::workflow::expr
