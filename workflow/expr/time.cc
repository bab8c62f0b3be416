#include "workflow/expr/time.h"

#include <array>
#include <charconv>
#include <cstdio>
#include <limits>

#include "workflow/expr/time_layout.h"

namespace gantry::workflow::expr {
namespace {

constexpr std::int64_t kDay = 86'400;
constexpr std::array<std::string_view, 12> kMonths = {
    "January", "February", "March",     "April",   "May",      "June",
    "July",    "August",   "September", "October", "November", "December"};
constexpr std::array<std::string_view, 7> kWeekdays = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                       "Thursday", "Friday", "Saturday"};

std::int64_t floor_div(std::int64_t a, std::int64_t b) { return a / b - (a % b != 0 && a % b < 0); }

/// Days since the epoch of a date of the proleptic Gregorian calendar (March-based years, as in
/// Hinnant's chrono algorithms).
std::int64_t days_of(std::int64_t year, int month, std::int64_t day) {
  year -= month <= 2;
  const std::int64_t era = floor_div(year, 400);
  const std::int64_t year_of_era = year - era * 400;
  const std::int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return era * 146'097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year -
         719'468;
}

bool is_leap(std::int64_t year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }
int days_in(int month, std::int64_t year) {
  constexpr std::array<int, 12> kDays = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return month == 2 && is_leap(year) ? 29 : kDays[month - 1];
}

std::string padded(std::int64_t number, int width, char with = '0') {
  std::string digits = std::to_string(number < 0 ? -number : number);
  if (static_cast<int>(digits.size()) < width) digits.insert(0, width - digits.size(), with);
  return number < 0 ? "-" + digits : digits;
}

void append_offset(std::string& out, std::int32_t seconds, const Chunk& chunk) {
  out += seconds < 0 ? '-' : '+';
  const std::int32_t all = seconds < 0 ? -seconds : seconds;
  out += padded(all / 3600, 2);
  if (chunk.parts >= 2) out += (chunk.colons ? ":" : "") + padded(all / 60 % 60, 2);
  if (chunk.parts >= 3) out += (chunk.colons ? ":" : "") + padded(all % 60, 2);
}

void append_fraction(std::string& out, std::int32_t nanoseconds, const Chunk& chunk) {
  std::string digits = padded(nanoseconds, 9).substr(0, std::min(chunk.digits, 9));
  if (chunk.element == Element::FractionNine) {
    digits.erase(digits.find_last_not_of('0') + 1);
    if (digits.empty()) return;
  }
  out += chunk.written[0];
  out += digits;
}

}  // namespace

Instant Instant::plus(std::int64_t ns) const {
  Instant sum = *this;
  std::int64_t rest = nanoseconds + ns % kSecond;
  sum.seconds += ns / kSecond + floor_div(rest, kSecond);
  sum.nanoseconds = static_cast<std::int32_t>(rest - floor_div(rest, kSecond) * kSecond);
  return sum;
}

std::int64_t Instant::since(const Instant& other) const {
  constexpr auto kMost = std::numeric_limits<std::int64_t>::max();
  const __int128 ns =
      (static_cast<__int128>(seconds) - other.seconds) * kSecond + nanoseconds - other.nanoseconds;
  if (ns > kMost) return kMost;
  if (ns < -static_cast<__int128>(kMost) - 1) return -kMost - 1;
  return static_cast<std::int64_t>(ns);
}

Instant::Civil Instant::civil() const {
  Civil civil{};
  civil.offset = zone.at(seconds);
  const std::int64_t wall = seconds + civil.offset.seconds_east;
  const std::int64_t days = floor_div(wall, kDay);
  const std::int64_t second = wall - days * kDay;
  civil.hour = static_cast<int>(second / 3600);
  civil.minute = static_cast<int>(second / 60 % 60);
  civil.second = static_cast<int>(second % 60);
  civil.weekday = static_cast<int>(((days + 4) % 7 + 7) % 7);

  const std::int64_t shifted = days + 719'468;
  const std::int64_t era = floor_div(shifted, 146'097);
  const std::int64_t day_of_era = shifted - era * 146'097;
  const std::int64_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const std::int64_t day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const std::int64_t month_index = (5 * day_of_year + 2) / 153;
  civil.day = static_cast<int>(day_of_year - (153 * month_index + 2) / 5 + 1);
  civil.month = static_cast<int>(month_index < 10 ? month_index + 3 : month_index - 9);
  civil.year = year_of_era + era * 400 + (civil.month <= 2);
  civil.year_day = static_cast<int>(days - days_of(civil.year, 1, 1) + 1);
  return civil;
}

Instant Instant::from_civil(std::int64_t year, std::int64_t month, std::int64_t day,
                            std::int64_t hour, std::int64_t minute, std::int64_t second,
                            std::int32_t nanoseconds, const Zone& zone) {
  const std::int64_t years = floor_div(month - 1, 12);
  const std::int64_t days =
      days_of(year + years, static_cast<int>(month - 1 - years * 12) + 1, day);
  const std::int64_t wall = days * kDay + hour * 3600 + minute * 60 + second;
  return {zone.to_unix(wall), nanoseconds, zone};
}

std::string format_time(const Instant& instant, std::string_view layout) {
  const Instant::Civil at = instant.civil();
  const int hour12 = at.hour % 12 == 0 ? 12 : at.hour % 12;
  std::string out;
  for (;;) {
    const Chunk chunk = next_chunk(layout);
    out += chunk.literal;
    layout = chunk.rest;
    switch (chunk.element) {
      case Element::None:
        return out;
      case Element::Year:
        out += padded(((at.year % 100) + 100) % 100, 2);
        break;
      case Element::YearLong:
        out += padded(at.year, 4);
        break;
      case Element::Month:
        out += std::to_string(at.month);
        break;
      case Element::MonthZero:
        out += padded(at.month, 2);
        break;
      case Element::MonthShort:
        out += kMonths[at.month - 1].substr(0, 3);
        break;
      case Element::MonthLong:
        out += kMonths[at.month - 1];
        break;
      case Element::WeekdayShort:
        out += kWeekdays[at.weekday].substr(0, 3);
        break;
      case Element::WeekdayLong:
        out += kWeekdays[at.weekday];
        break;
      case Element::Day:
        out += std::to_string(at.day);
        break;
      case Element::DayUnderscore:
        out += padded(at.day, 2, ' ');
        break;
      case Element::DayZero:
        out += padded(at.day, 2);
        break;
      case Element::YearDayUnderscore:
        out += padded(at.year_day, 3, ' ');
        break;
      case Element::YearDayZero:
        out += padded(at.year_day, 3);
        break;
      case Element::Hour:
        out += padded(at.hour, 2);
        break;
      case Element::Hour12:
        out += std::to_string(hour12);
        break;
      case Element::Hour12Zero:
        out += padded(hour12, 2);
        break;
      case Element::Minute:
        out += std::to_string(at.minute);
        break;
      case Element::MinuteZero:
        out += padded(at.minute, 2);
        break;
      case Element::Second:
        out += std::to_string(at.second);
        break;
      case Element::SecondZero:
        out += padded(at.second, 2);
        break;
      case Element::UpperPm:
        out += at.hour >= 12 ? "PM" : "AM";
        break;
      case Element::LowerPm:
        out += at.hour >= 12 ? "pm" : "am";
        break;
      case Element::IsoOffset:
        if (at.offset.seconds_east == 0) {
          out += 'Z';
          break;
        }
        [[fallthrough]];
      case Element::Offset:
        append_offset(out, at.offset.seconds_east, chunk);
        break;
      case Element::ZoneName:
        if (!at.offset.abbreviation.empty()) {
          out += at.offset.abbreviation;
        } else {  // without a name: -07 or -0730
          Chunk plain;
          plain.parts = at.offset.seconds_east / 60 % 60 == 0 ? 1 : 2;
          append_offset(out, at.offset.seconds_east, plain);
        }
        break;
      case Element::FractionZero:
      case Element::FractionNine:
        append_fraction(out, instant.nanoseconds, chunk);
        break;
    }
  }
}

namespace {

bool is_digit(std::string_view text, std::size_t at = 0) {
  return at < text.size() && text[at] >= '0' && text[at] <= '9';
}

/// Reads a text along a layout (time.parse).
class TimeParser {
 public:
  TimeParser(std::string_view layout, std::string_view text, const Zone& zone)
      : whole_layout_(layout), whole_(text), text_(text), zone_(zone) {}

  Result<Instant> run() {
    std::string_view layout = whole_layout_;
    for (;;) {
      const Chunk chunk = next_chunk(layout);
      if (!skip(chunk.literal)) return cannot(chunk.literal);
      if (chunk.element == Element::None) {
        if (!text_.empty()) return wrong(": extra text: \"" + std::string(text_) + "\"");
        break;
      }
      layout = chunk.rest;
      const std::string_view before = text_;
      if (!read(chunk, next_chunk(layout))) {
        if (out_of_range_.empty()) {
          text_ = before;
          return cannot(chunk.written);
        }
        return wrong(": " + out_of_range_ + " out of range");
      }
    }
    return finish();
  }

 private:
  bool skip(std::string_view prefix) {
    while (!prefix.empty()) {
      if (prefix[0] == ' ') {  // blanks of the layout stand for any number of blanks
        if (!text_.empty() && text_[0] != ' ') return false;
        while (!prefix.empty() && prefix[0] == ' ') prefix.remove_prefix(1);
        while (!text_.empty() && text_[0] == ' ') text_.remove_prefix(1);
        continue;
      }
      if (text_.empty() || text_[0] != prefix[0]) return false;
      prefix.remove_prefix(1);
      text_.remove_prefix(1);
    }
    return true;
  }

  /// One or two digits; with `two`, both must be there.
  bool number(int& out, bool two) {
    if (!is_digit(text_) || (two && !is_digit(text_, 1))) return false;
    const std::size_t length = is_digit(text_, 1) ? 2 : 1;
    std::from_chars(text_.data(), text_.data() + length, out);
    text_.remove_prefix(length);
    return true;
  }
  bool digits(std::size_t count, int& out) {
    for (std::size_t i = 0; i < count; ++i) {
      if (!is_digit(text_, i)) return false;
    }
    std::from_chars(text_.data(), text_.data() + count, out);
    text_.remove_prefix(count);
    return true;
  }
  bool within(int value, int low, int high, const char* what) {
    if (value >= low && value <= high) return true;
    out_of_range_ = what;
    return false;
  }

  template <std::size_t N>
  bool name(const std::array<std::string_view, N>& names, bool is_short, int& out) {
    for (std::size_t i = 0; i < N; ++i) {
      const std::string_view wanted = is_short ? names[i].substr(0, 3) : names[i];
      if (text_.size() < wanted.size()) continue;
      bool same = true;
      for (std::size_t k = 0; k < wanted.size() && same; ++k)
        same = (text_[k] | 0x20) == (wanted[k] | 0x20);
      if (!same) continue;
      out = static_cast<int>(i);
      text_.remove_prefix(wanted.size());
      return true;
    }
    return false;
  }

  bool read(const Chunk& chunk, const Chunk& following) {
    switch (chunk.element) {
      case Element::None:
        return false;
      case Element::Year: {
        int two = 0;
        if (!digits(2, two)) return false;
        year_ = two >= 69 ? two + 1900 : two + 2000;
        return true;
      }
      case Element::YearLong: {
        int four = 0;
        if (!digits(4, four)) return false;
        year_ = four;
        return true;
      }
      case Element::Month:
      case Element::MonthZero:
        return number(month_, chunk.element == Element::MonthZero) &&
               within(month_, 1, 12, "month");
      case Element::MonthShort:
      case Element::MonthLong:
        if (!name(kMonths, chunk.element == Element::MonthShort, month_)) return false;
        ++month_;
        return true;
      case Element::WeekdayShort:
      case Element::WeekdayLong: {
        int weekday = 0;
        return name(kWeekdays, chunk.element == Element::WeekdayShort, weekday);
      }
      case Element::Day:
      case Element::DayUnderscore:
      case Element::DayZero:
        if (chunk.element == Element::DayUnderscore && text_.starts_with(' '))
          text_.remove_prefix(1);
        return number(day_, chunk.element == Element::DayZero);
      case Element::YearDayUnderscore:
      case Element::YearDayZero:
        for (int i = 0; i < 2; ++i) {
          if (chunk.element == Element::YearDayUnderscore && text_.starts_with(' ')) {
            text_.remove_prefix(1);
          }
        }
        return chunk.element == Element::YearDayZero ? digits(3, year_day_)
                                                     : number(year_day_, false);
      case Element::Hour:
        return number(hour_, false) && within(hour_, 0, 23, "hour");
      case Element::Hour12:
      case Element::Hour12Zero:
        return number(hour_, chunk.element == Element::Hour12Zero) && within(hour_, 0, 12, "hour");
      case Element::Minute:
      case Element::MinuteZero:
        return number(minute_, chunk.element == Element::MinuteZero) &&
               within(minute_, 0, 59, "minute");
      case Element::Second:
      case Element::SecondZero:
        if (!number(second_, chunk.element == Element::SecondZero) ||
            !within(second_, 0, 59, "second")) {
          return false;
        }
        // A fraction that the layout does not show may follow the seconds.
        if (text_.size() >= 2 && (text_[0] == '.' || text_[0] == ',') && is_digit(text_, 1)) {
          const bool shown =
              following.literal.empty() && (following.element == Element::FractionZero ||
                                            following.element == Element::FractionNine);
          if (!shown) {
            std::size_t end = 1;
            while (is_digit(text_, end)) ++end;
            return fraction(end);
          }
        }
        return true;
      case Element::UpperPm:
      case Element::LowerPm: {
        const bool upper = chunk.element == Element::UpperPm;
        pm_ = text_.starts_with(upper ? "PM" : "pm");
        am_ = text_.starts_with(upper ? "AM" : "am");
        if (!pm_ && !am_) return false;
        text_.remove_prefix(2);
        return true;
      }
      case Element::IsoOffset:
        if (text_.starts_with('Z')) {
          text_.remove_prefix(1);
          utc_ = true;
          return true;
        }
        [[fallthrough]];
      case Element::Offset:
        return offset(chunk);
      case Element::ZoneName:
        return zone_name();
      case Element::FractionZero:
        if (text_.size() < static_cast<std::size_t>(chunk.digits) + 1) return false;
        return fraction(chunk.digits + 1);
      case Element::FractionNine: {
        if (text_.size() < 2 || (text_[0] != '.' && text_[0] != ',') || !is_digit(text_, 1)) {
          return true;
        }
        std::size_t end = 1;
        while (end < 10 && is_digit(text_, end)) ++end;
        return fraction(end);
      }
    }
    return false;
  }

  /// The first `length` characters: a point and digits. What is finer than nanoseconds is dropped.
  bool fraction(std::size_t length) {
    if (text_[0] != '.' && text_[0] != ',') return false;
    std::int32_t value = 0;
    for (std::size_t i = 1; i < std::max<std::size_t>(length, 10); ++i) {
      if (i >= 10) {
        if (!is_digit(text_, i)) return false;
        continue;
      }
      if (i < length && !is_digit(text_, i)) return false;
      value = value * 10 + (i < length ? text_[i] - '0' : 0);
    }
    nanoseconds_ = value;
    text_.remove_prefix(length);
    return true;
  }

  bool offset(const Chunk& chunk) {
    if (text_.empty() || (text_[0] != '+' && text_[0] != '-')) return false;
    const bool west = text_[0] == '-';
    text_.remove_prefix(1);
    int hours = 0;
    int minutes = 0;
    int seconds = 0;
    const auto part = [&](int& out) {
      if (chunk.colons) {
        if (!text_.starts_with(':')) return false;
        text_.remove_prefix(1);
      }
      return digits(2, out);
    };
    if (!digits(2, hours)) return false;
    if (chunk.parts >= 2 && !part(minutes)) return false;
    if (chunk.parts >= 3 && !part(seconds)) return false;
    if (!within(hours, 0, 24, "time zone offset hour") ||
        !within(minutes, 0, 60, "time zone offset minute") ||
        !within(seconds, 0, 60, "time zone offset second")) {
      return false;
    }
    offset_ = (hours * 60 + minutes) * 60 + seconds;
    if (west) *offset_ = -*offset_;
    return true;
  }

  /// "UTC", three or four capital letters, "GMT+3", "+07".
  bool zone_name() {
    if (text_.starts_with("UTC")) {
      utc_ = true;
      text_.remove_prefix(3);
      return true;
    }
    std::size_t length = 0;
    if (text_.starts_with('+') || text_.starts_with('-')) {
      length = 1;
      while (length < 3 && is_digit(text_, length)) ++length;
      if (length == 1) return false;
    } else if (text_.starts_with("GMT")) {
      length = 3;
      if (text_.size() > 4 && (text_[3] == '+' || text_[3] == '-') && is_digit(text_, 4)) {
        length = is_digit(text_, 5) ? 6 : 5;
      }
    } else {
      while (length < text_.size() && length < 6 && text_[length] >= 'A' && text_[length] <= 'Z')
        ++length;
      const bool fits = length == 3 ||
                        (length == 4 && (text_[3] == 'T' || text_.starts_with("WITA"))) ||
                        (length == 5 && text_[4] == 'T');
      if (!fits) return false;
    }
    name_ = text_.substr(0, length);
    text_.remove_prefix(length);
    return true;
  }

  Result<Instant> finish() {
    if (pm_ && hour_ < 12) hour_ += 12;
    if (am_ && hour_ == 12) hour_ = 0;
    if (year_day_ >= 0) {
      if (year_day_ < 1 || year_day_ > (is_leap(year_) ? 366 : 365)) {
        return wrong(": day-of-year out of range");
      }
      int month = 1;
      int day = year_day_;
      while (day > days_in(month, year_)) day -= days_in(month++, year_);
      if (month_ > 0 && month_ != month) return wrong(": day-of-year does not match month");
      month_ = month;
      if (day_ >= 0 && day_ != day) return wrong(": day-of-year does not match day");
      day_ = day;
    }
    const int month = month_ < 0 ? 1 : month_;
    const int day = day_ < 0 ? 1 : day_;
    if (day < 1 || day > days_in(month, year_)) return wrong(": day out of range");
    const auto at = [&](const Zone& zone) {
      return Instant::from_civil(year_, month, day, hour_, minute_, second_, nanoseconds_, zone);
    };
    if (utc_) return at(Zone());
    if (offset_) {
      // Where the place has this offset at that time, it is meant.
      Instant instant = at(Zone::fixed(name_, *offset_));
      const Zone::Offset there = zone_.at(instant.seconds);
      if (there.seconds_east == *offset_ && (name_.empty() || there.abbreviation == name_)) {
        instant.zone = zone_;
      }
      return instant;
    }
    if (!name_.empty()) {
      Instant instant = at(zone_);
      if (zone_.at(instant.seconds).abbreviation == name_) return instant;
      // An unknown abbreviation: an invented place without offset, but for GMT+3.
      int hours = 0;
      if (name_.size() > 3 && name_.starts_with("GMT")) {
        const char* first = name_.data() + 3 + (name_[3] == '+');
        std::from_chars(first, name_.data() + name_.size(), hours);
      }
      return at(Zone::fixed(name_, hours * 3600));
    }
    return at(zone_);
  }

  tl::unexpected<Error> cannot(std::string_view element) const {
    return wrong(" as \"" + std::string(whole_layout_) + "\": cannot parse \"" +
                 std::string(text_) + "\" as \"" + std::string(element) + "\"");
  }
  tl::unexpected<Error> wrong(std::string what) const {
    return fail(Code::InvalidArgument, "parsing time \"" + std::string(whole_) + "\"" + what);
  }

  std::string_view whole_layout_;
  std::string_view whole_;
  std::string_view text_;
  const Zone& zone_;
  std::string out_of_range_;
  std::int64_t year_ = 0;
  int month_ = -1, day_ = -1, year_day_ = -1;
  int hour_ = 0, minute_ = 0, second_ = 0;
  std::int32_t nanoseconds_ = 0;
  bool am_ = false, pm_ = false, utc_ = false;
  std::optional<std::int32_t> offset_;
  std::string name_;
};

}  // namespace

Result<Instant> parse_time(std::string_view layout, std::string_view text, const Zone& zone) {
  return TimeParser(layout, text, zone).run();
}

}  // namespace gantry::workflow::expr
