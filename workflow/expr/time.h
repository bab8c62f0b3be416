#pragma once

// Instants and durations as Go's package time reads and writes them (time/format.go).

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "workflow/expr/zone.h"

namespace gantry::workflow::expr {

inline constexpr std::int64_t kSecond = 1'000'000'000;  ///< in nanoseconds

/// An instant and the time zone that it is shown in. Years 1 to 9999 and far beyond.
struct Instant {
  std::int64_t seconds = 0;      ///< since the epoch
  std::int32_t nanoseconds = 0;  ///< 0 … 999,999,999
  Zone zone;

  [[nodiscard]] bool operator==(const Instant& other) const {
    return seconds == other.seconds && nanoseconds == other.nanoseconds;
  }
  [[nodiscard]] bool operator<(const Instant& other) const {
    return seconds != other.seconds ? seconds < other.seconds : nanoseconds < other.nanoseconds;
  }
  [[nodiscard]] Instant plus(std::int64_t ns) const;
  /// Nanoseconds between the two; at most ±292 years, as Go's Sub.
  [[nodiscard]] std::int64_t since(const Instant& other) const;

  // On the wall clock of the zone.
  struct Civil {
    std::int64_t year;
    int month, day, hour, minute, second;
    int weekday;   ///< 0: Sunday
    int year_day;  ///< 1 … 366
    Zone::Offset offset;
  };
  [[nodiscard]] Civil civil() const;
  /// The instant of a wall clock's reading; months and days may lie outside their ranges.
  static Instant from_civil(std::int64_t year, std::int64_t month, std::int64_t day,
                            std::int64_t hour, std::int64_t minute, std::int64_t second,
                            std::int32_t nanoseconds, const Zone& zone);
};

/// Go's Time.Format.
std::string format_time(const Instant& instant, std::string_view layout);
/// Go's time.ParseInLocation. The error is Go's: `parsing time "x" as "2006": cannot parse …`.
Result<Instant> parse_time(std::string_view layout, std::string_view text, const Zone& zone);

/// Go's Duration.String: "1h0m0s", "1.5s", "300ms".
std::string format_duration(std::int64_t ns);
/// Go's Duration.Round: to the nearest multiple of `unit`, halves away from zero.
std::int64_t round_duration(std::int64_t ns, std::int64_t unit);
/// Go's time.ParseDuration. The error is Go's: `time: invalid duration "x"`.
Result<std::int64_t> parse_duration(std::string_view text);

inline constexpr std::string_view kRfc3339 = "2006-01-02T15:04:05Z07:00";
inline constexpr std::string_view kRfc3339Nano = "2006-01-02T15:04:05.999999999Z07:00";

}  // namespace gantry::workflow::expr
