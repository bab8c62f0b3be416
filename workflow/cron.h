#pragma once

// When a cron line fires.
//
// The lines are those of robfig/cron v3's ParseStandard, which Argo's `schedules` are: five fields
// (minute hour day-of-month month day-of-week) of numbers, names, ranges, steps, lists, `*` and
// `?`; the descriptors @yearly @annually @monthly @weekly @daily @midnight @hourly and
// `@every DURATION`; in front of any of them `CRON_TZ=ZONE ` or `TZ=ZONE `.
//
// Daylight saving time: a line fires at each moment whose wall clock it matches. So times in an
// hour that is skipped do not run, and times in an hour that comes twice run twice.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"

namespace date {
class time_zone;
}

namespace gantry::workflow {

/// A time zone of the IANA database (Debian's tzdata; read once, then as immutable as code). Copied
/// freely; any thread.
class TimeZone {
 public:
  /// UTC.
  TimeZone();
  /// As Go's time.LoadLocation: "" and "UTC" are UTC, "Local" is the host's. Fails with
  /// InvalidArgument and Go's words: `unknown time zone X`.
  static Result<TimeZone> find(std::string_view name);
  /// The host's: $TZ, else /etc/localtime, else UTC.
  static TimeZone local();

  [[nodiscard]] const date::time_zone* get() const { return zone_; }

 private:
  explicit TimeZone(const date::time_zone* zone) : zone_(zone) {}
  const date::time_zone* zone_;
};

/// A parsed line. Immutable; copied freely; any thread.
class CronSchedule {
 public:
  /// Fails with InvalidArgument: robfig's words and the column (bytes, from 1) that they are about.
  /// Deviation: a field without any number (`,`) is an error, where upstream never fires.
  static Result<CronSchedule> parse(std::string_view text);

  /// The first time after `after`, or nothing within five years. `zone` counts where the line names
  /// none. `@every` fires a duration after `after`, both cut to whole seconds.
  [[nodiscard]] std::optional<Time> next(Time after, const TimeZone& zone) const;

  /// The last time in (`after`, `before`), both ends excluded; for `@every` on the grid that begins
  /// at `after`. Costs little however far apart they are.
  [[nodiscard]] std::optional<Time> last(Time after, Time before, const TimeZone& zone) const;

  /// The period of `@every`, whole seconds from 1 up.
  [[nodiscard]] std::optional<std::chrono::seconds> every() const { return every_; }

 private:
  friend class CronParser;
  /// One field: bit n is set when n matches. `any`: `*` or `?` without a step, which for the two
  /// day fields means that the other one decides.
  struct Field {
    std::uint64_t bits = 0;
    bool any = false;
    [[nodiscard]] bool has(unsigned value) const { return (bits >> value & 1) != 0; }
  };

  Field minute_, hour_, day_, month_, weekday_;
  std::optional<std::chrono::seconds> every_;
  std::optional<TimeZone> zone_;
};

}  // namespace gantry::workflow
