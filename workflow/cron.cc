#include "workflow/cron.h"

#include <date/tz.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <span>
#include <stdexcept>
#include <vector>

#include "workflow/quantity.h"

namespace gantry::workflow {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr int kYearsAhead = 5;  // robfig/cron spec.go Next

struct Bounds {
  unsigned least;
  unsigned most;
  std::span<const std::string_view> names;  ///< of least, least + 1, …
};

constexpr std::array<std::string_view, 12> kMonths{"jan", "feb", "mar", "apr", "may", "jun",
                                                   "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr std::array<std::string_view, 7> kWeekdays{"sun", "mon", "tue", "wed",
                                                    "thu", "fri", "sat"};
constexpr std::array<Bounds, 5> kFields{
    Bounds{0, 59, {}}, {0, 23, {}}, {1, 31, {}}, {1, 12, kMonths}, {0, 6, kWeekdays}};

struct Descriptor {
  std::string_view name;
  std::string_view line;
};
constexpr std::array<Descriptor, 7> kDescriptors{{{"@yearly", "0 0 1 1 *"},
                                                  {"@annually", "0 0 1 1 *"},
                                                  {"@monthly", "0 0 1 * *"},
                                                  {"@weekly", "0 0 * * 0"},
                                                  {"@daily", "0 0 * * *"},
                                                  {"@midnight", "0 0 * * *"},
                                                  {"@hourly", "0 * * * *"}}};

bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t at = std::min(text.find(separator), text.size());
    parts.push_back(text.substr(0, at));
    if (at == text.size()) return parts;
    text.remove_prefix(at + 1);
  }
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  return out;
}

const date::time_zone* utc() {
  static const date::time_zone* const kUtc = date::locate_zone("Etc/UTC");
  return kUtc;
}

}  // namespace

// ---- time zones ----

TimeZone::TimeZone() : zone_(utc()) {}

Result<TimeZone> TimeZone::find(std::string_view name) {
  if (name.empty() || name == "UTC") return TimeZone();
  if (name == "Local") return local();
  const auto unknown = [&] {
    return fail(Code::InvalidArgument, "unknown time zone " + std::string(name));
  };
  // Names become parts of a path below the database.
  if (name.front() == '/' || name.find("..") != name.npos || name.find('\\') != name.npos) {
    return unknown();
  }
  try {
    return TimeZone(date::locate_zone(name));
  } catch (const std::exception&) {
    return unknown();
  }
}

TimeZone TimeZone::local() {
  static const TimeZone kLocal = [] {
    const char* name = std::getenv("TZ");
    if (name != nullptr && *name != '\0') {
      if (*name == ':') ++name;
      return find(name).value_or(TimeZone());
    }
    try {
      return TimeZone(date::current_zone());
    } catch (const std::exception&) {
      return TimeZone();
    }
  }();
  return kLocal;
}

// ---- parsing ----

class CronParser {
 public:
  explicit CronParser(std::string_view text) : text_(text) {}

  Result<CronSchedule> parse() {
    if (text_.empty()) return fail(Code::InvalidArgument, "empty spec string");
    CronSchedule schedule;
    std::string_view rest = text_;
    for (std::string_view prefix : {"CRON_TZ=", "TZ="}) {
      if (!rest.starts_with(prefix)) continue;
      const std::size_t end = std::min(rest.find(' '), rest.size());
      const std::string_view name = rest.substr(prefix.size(), end - prefix.size());
      auto zone = TimeZone::find(name);
      if (!zone) {
        return wrong("provided bad location " + std::string(name) + ": " + zone.error().message,
                     name);
      }
      schedule.zone_ = *zone;
      rest.remove_prefix(end);
      break;
    }
    while (!rest.empty() && is_space(rest.front())) rest.remove_prefix(1);
    while (!rest.empty() && is_space(rest.back())) rest.remove_suffix(1);
    if (rest.empty()) return fail(Code::InvalidArgument, "empty spec string");
    auto done = rest.front() == '@' ? descriptor(rest, schedule) : line(rest, schedule);
    if (!done) return fail(std::move(done.error()));
    return schedule;
  }

 private:
  using Field = CronSchedule::Field;

  Result<void> descriptor(std::string_view text, CronSchedule& schedule) {
    constexpr std::string_view kEvery = "@every ";
    const auto known = std::find_if(kDescriptors.begin(), kDescriptors.end(),
                                    [&](const Descriptor& d) { return d.name == text; });
    if (known != kDescriptors.end()) return line(known->line, schedule);
    if (!text.starts_with(kEvery)) {
      return wrong("unrecognized descriptor: " + std::string(text), text);
    }
    const std::string_view written = text.substr(kEvery.size());
    auto period = parse_go_duration(written);
    if (!period) {
      return wrong("failed to parse duration " + std::string(text) + ": " + period.error().message,
                   written);
    }
    schedule.every_ = std::max(seconds(1), std::chrono::floor<seconds>(*period));
    return {};
  }

  Result<void> line(std::string_view text, CronSchedule& schedule) {
    std::vector<std::string_view> fields;
    for (std::size_t at = 0; at < text.size();) {
      if (is_space(text[at])) {
        ++at;
        continue;
      }
      std::size_t end = at;
      while (end < text.size() && !is_space(text[end])) ++end;
      fields.push_back(text.substr(at, end - at));
      at = end;
    }
    if (fields.size() != kFields.size()) {
      std::string list;
      for (std::string_view field : fields) list += (list.empty() ? "" : " ") + std::string(field);
      return wrong(
          "expected exactly 5 fields, found " + std::to_string(fields.size()) + ": [" + list + "]",
          text);
    }
    Field* const targets[] = {&schedule.minute_, &schedule.hour_, &schedule.day_, &schedule.month_,
                              &schedule.weekday_};
    for (std::size_t i = 0; i < kFields.size(); ++i) {
      if (auto done = field(fields[i], kFields[i], *targets[i]); !done) return done;
    }
    return {};
  }

  Result<void> field(std::string_view text, const Bounds& bounds, Field& out) {
    for (std::string_view part : split(text, ',')) {
      if (part.empty()) continue;  // strings.FieldsFunc leaves empty parts out
      if (auto done = range(part, bounds, out); !done) return done;
    }
    if (out.bits == 0) return wrong("no value in field: " + std::string(text), text);
    return {};
  }

  /// `a`, `a-b`, `*`, each with or without `/step` (robfig/cron parser.go getRange).
  Result<void> range(std::string_view text, const Bounds& bounds, Field& out) {
    const auto by_step = split(text, '/');
    const auto ends = split(by_step[0], '-');
    const std::string written(text);
    unsigned first = bounds.least, last = bounds.most, step = 1;
    const bool any = ends[0] == "*" || ends[0] == "?";
    if (!any) {
      auto number = value(ends[0], bounds);
      if (!number) return fail(std::move(number.error()));
      first = last = *number;
      if (ends.size() > 2) return wrong("too many hyphens: " + written, text);
      if (ends.size() == 2) {
        number = value(ends[1], bounds);
        if (!number) return fail(std::move(number.error()));
        last = *number;
      }
    }
    if (by_step.size() > 2) return wrong("too many slashes: " + written, text);
    if (by_step.size() == 2) {
      auto number = integer(by_step[1]);
      if (!number) return fail(std::move(number.error()));
      step = *number;
      if (ends.size() == 1) last = bounds.most;  // `a/step` goes on to the end
    }
    const auto limit = [&](const char* what, unsigned number, const char* how, unsigned bound) {
      return wrong(std::string(what) + " (" + std::to_string(number) + ") " + how + " (" +
                       std::to_string(bound) + "): " + written,
                   text);
    };
    if (first < bounds.least) {
      return limit("beginning of range", first, "below minimum", bounds.least);
    }
    if (last > bounds.most) return limit("end of range", last, "above maximum", bounds.most);
    if (first > last) return limit("beginning of range", first, "beyond end of range", last);
    if (step == 0) return wrong("step of range should be a positive number: " + written, text);
    for (unsigned i = first; i <= last; i += std::min(step, 64u)) {
      out.bits |= std::uint64_t{1} << i;
    }
    out.any |= any && step == 1;
    return {};
  }

  Result<unsigned> value(std::string_view text, const Bounds& bounds) {
    const auto name = std::find(bounds.names.begin(), bounds.names.end(), lower(text));
    if (name != bounds.names.end()) {
      return bounds.least + static_cast<unsigned>(name - bounds.names.begin());
    }
    return integer(text);
  }

  Result<unsigned> integer(std::string_view text) {
    std::string_view digits = text;
    if (digits.starts_with('+')) digits.remove_prefix(1);  // strconv.Atoi takes it
    int number = 0;
    const char* end = digits.data() + digits.size();
    const auto parsed = std::from_chars(digits.data(), end, number);
    if (digits.empty() || parsed.ec != std::errc() || parsed.ptr != end) {
      return wrong("failed to parse int from " + std::string(text), text);
    }
    if (number < 0) {
      return wrong(
          "negative number (" + std::to_string(number) + ") not allowed: " + std::string(text),
          text);
    }
    return static_cast<unsigned>(number);
  }

  /// `at` is a part of the text; what is not (a descriptor's own line) has no column.
  tl::unexpected<Error> wrong(std::string message, std::string_view at) const {
    if (at.data() >= text_.data() && at.data() <= text_.data() + text_.size()) {
      message += " (column " + std::to_string(at.data() - text_.data() + 1) + ")";
    }
    return fail(Code::InvalidArgument, std::move(message));
  }

  std::string_view text_;
};

Result<CronSchedule> CronSchedule::parse(std::string_view text) { return CronParser(text).parse(); }

// ---- the next time ----

namespace {

/// The first value of `field`, from `from` up; nothing beyond `most`.
template <class Field>
std::optional<unsigned> first_in(const Field& field, unsigned from, unsigned most) {
  for (unsigned value = from; value <= most; ++value) {
    if (field.has(value)) return value;
  }
  return std::nullopt;
}

}  // namespace

std::optional<Time> CronSchedule::next(Time after, const TimeZone& zone) const {
  const date::sys_seconds begin = std::chrono::floor<seconds>(after);
  if (every_) return Time(begin + *every_);

  const date::time_zone* where = (zone_ ? *zone_ : zone).get();
  // The first wall clock minute from `local` on that matches.
  const auto match = [&](date::local_seconds local,
                         int last_year) -> std::optional<date::local_seconds> {
    auto day = date::floor<date::days>(local);
    const date::hh_mm_ss<seconds> clock(date::ceil<minutes>(local - day));
    auto hour_from = static_cast<unsigned>(clock.hours().count());
    auto minute_from = static_cast<unsigned>(clock.minutes().count());
    if (hour_from == 24) {
      day += date::days(1);
      hour_from = 0;
    }
    while (true) {
      const date::year_month_day date(day);
      if (static_cast<int>(date.year()) > last_year) return std::nullopt;
      if (!month_.has(static_cast<unsigned>(date.month()))) {
        day = date::local_days((date.year() / date.month() + date::months(1)) / 1);
        hour_from = minute_from = 0;
        continue;
      }
      const bool day_fits = day_.has(static_cast<unsigned>(date.day()));
      const bool weekday_fits = weekday_.has(date::weekday(day).c_encoding());
      // With a star in either field both must match; otherwise one is enough.
      if (day_.any || weekday_.any ? day_fits && weekday_fits : day_fits || weekday_fits) {
        for (auto hour = first_in(hour_, hour_from, 23); hour;
             hour = first_in(hour_, *hour + 1, 23)) {
          if (auto minute = first_in(minute_, *hour == hour_from ? minute_from : 0, 59)) {
            return day + hours(*hour) + minutes(*minute);
          }
        }
      }
      day += date::days(1);
      hour_from = minute_from = 0;
    }
  };

  date::sys_seconds from = begin + seconds(1);
  std::optional<int> last_year;
  while (true) {
    // Between two changes of the clock wall time runs as time does.
    const date::sys_info stretch = where->get_info(from);
    const date::local_seconds local(from.time_since_epoch() + stretch.offset);
    if (!last_year) {
      last_year = static_cast<int>(date::year_month_day(date::floor<date::days>(local)).year()) +
                  kYearsAhead;
    }
    const auto found = match(local, *last_year);
    if (!found) return std::nullopt;
    const date::sys_seconds at(found->time_since_epoch() - stretch.offset);
    if (at < stretch.end) return Time(at);
    from = stretch.end;
  }
}

std::optional<Time> CronSchedule::last(Time after, Time before, const TimeZone& zone) const {
  if (every_) {
    const date::sys_seconds begin = std::chrono::floor<seconds>(after);
    const auto periods = (before - Time(begin) - Duration(1)) / *every_;
    if (before <= Time(begin) || periods <= 0) return std::nullopt;
    return Time(begin + periods * *every_);
  }
  // Looked for in stretches back from `before`, each twice as long as the one after it.
  Duration reach = minutes(2);
  while (true) {
    const bool whole = before - after <= reach;
    const Time from = whole ? after : before - reach;
    std::optional<Time> found;
    for (auto at = next(from, zone); at && *at < before; at = next(*at, zone)) found = at;
    if (found || whole) return found;
    reach *= 2;
  }
}

}  // namespace gantry::workflow
