#include "workflow/go_time.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>

namespace gantry::workflow {
namespace {

enum class Element : std::uint8_t {
  WeekDay,
  Month,
  Year,
  MonthNumber,
  Day,
  PaddedDay,
  Hour24,
  Hour12,
  Minute,
  Second,
  HalfDay,
  ZoneName,
  Offset,
  ColonOffset,
  ZuluOffset,
  ZuluColonOffset,
  Fraction
};

struct Spelling {
  std::string_view text;
  Element element;
};
/// The longer of two spellings with the same start stands first.
constexpr std::array kSpellings = {
    Spelling{"Mon", Element::WeekDay},
    Spelling{"Jan", Element::Month},
    Spelling{"2006", Element::Year},
    Spelling{"_2", Element::PaddedDay},
    Spelling{"02", Element::Day},
    Spelling{"01", Element::MonthNumber},
    Spelling{"15", Element::Hour24},
    Spelling{"04", Element::Minute},
    Spelling{"05", Element::Second},
    Spelling{"3", Element::Hour12},
    Spelling{"PM", Element::HalfDay},
    Spelling{"MST", Element::ZoneName},
    Spelling{"Z07:00", Element::ZuluColonOffset},
    Spelling{"Z0700", Element::ZuluOffset},
    Spelling{"-07:00", Element::ColonOffset},
    Spelling{"-0700", Element::Offset},
    Spelling{".999999999", Element::Fraction},
};

bool is_digit(std::string_view text, std::size_t at) {
  return at < text.size() && text[at] >= '0' && text[at] <= '9';
}

class TimeParser {
 public:
  TimeParser(std::string_view layout, std::string_view text) : layout_(layout), text_(text) {}

  std::optional<std::int64_t> run() {
    while (!layout_.empty()) {
      const auto* spelling =
          std::find_if(kSpellings.begin(), kSpellings.end(),
                       [&](const Spelling& s) { return layout_.starts_with(s.text); });
      if (spelling == kSpellings.end()) {
        if (!literal()) return std::nullopt;
        continue;
      }
      layout_.remove_prefix(spelling->text.size());
      if (!read(spelling->element)) return std::nullopt;
    }
    if (!text_.empty()) return std::nullopt;
    return seconds();
  }

 private:
  /// One character of the layout that stands for itself. Blanks match any number of blanks.
  bool literal() {
    if (layout_[0] == ' ') {
      if (!text_.empty() && text_[0] != ' ') return false;
      skip_blanks(layout_);
      skip_blanks(text_);
      return true;
    }
    if (text_.empty() || text_[0] != layout_[0]) return false;
    layout_.remove_prefix(1);
    text_.remove_prefix(1);
    return true;
  }

  static void skip_blanks(std::string_view& text) {
    text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  }

  bool read(Element element) {
    switch (element) {
      case Element::WeekDay: {
        int ignored = 0;
        return name({"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"}, ignored);
      }
      case Element::Month: {
        if (!name({"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov",
                   "Dec"},
                  month_))
          return false;
        ++month_;
        return true;
      }
      case Element::Year:
        return digits(4, 4, year_);
      case Element::MonthNumber:
        return digits(2, 2, month_) && month_ >= 1 && month_ <= 12;
      case Element::PaddedDay:
        if (text_.starts_with(' ')) text_.remove_prefix(1);
        return digits(1, 2, day_);
      case Element::Day:
        return digits(2, 2, day_);
      case Element::Hour24:
        return digits(1, 2, hour_) && hour_ < 24;
      case Element::Hour12:
        return digits(1, 2, hour_) && hour_ <= 12;
      case Element::Minute:
        return digits(2, 2, minute_) && minute_ < 60;
      case Element::Second:
        // A fraction may follow although the layout has none.
        return digits(2, 2, second_) && second_ < 60 &&
               (layout_.starts_with(".999999999") || fraction());
      case Element::Fraction:
        return fraction();
      case Element::HalfDay:
        if (!text_.starts_with("PM") && !text_.starts_with("AM")) return false;
        afternoon_ = text_[0] == 'P';
        forenoon_ = !afternoon_;
        text_.remove_prefix(2);
        return true;
      case Element::ZoneName:
        return zone_name();
      case Element::ZuluOffset:
      case Element::ZuluColonOffset:
        if (text_.starts_with('Z')) {
          text_.remove_prefix(1);
          return true;
        }
        return offset(element == Element::ZuluColonOffset);
      case Element::Offset:
        return offset(false);
      case Element::ColonOffset:
        return offset(true);
    }
    return false;
  }

  bool digits(std::size_t least, std::size_t most, int& out) {
    std::size_t length = 0;
    out = 0;
    while (length < most && is_digit(text_, length)) out = out * 10 + (text_[length++] - '0');
    text_.remove_prefix(length);
    return length >= least;
  }

  bool name(std::initializer_list<std::string_view> names, int& index) {
    const auto same = [](char a, char b) { return (a | 0x20) == (b | 0x20); };
    index = 0;
    for (const std::string_view known : names) {
      if (text_.size() >= known.size() &&
          std::equal(known.begin(), known.end(), text_.begin(), same)) {
        text_.remove_prefix(known.size());
        return true;
      }
      ++index;
    }
    return false;
  }

  bool fraction() {
    if ((!text_.starts_with('.') && !text_.starts_with(',')) || !is_digit(text_, 1)) return true;
    std::size_t length = 1;
    while (is_digit(text_, length)) ++length;
    text_.remove_prefix(length);
    return true;
  }

  bool offset(bool colon) {
    if (!text_.starts_with('+') && !text_.starts_with('-')) return false;
    const int sign = text_[0] == '-' ? -1 : 1;
    text_.remove_prefix(1);
    int hours = 0;
    int minutes = 0;
    if (!digits(2, 2, hours)) return false;
    if (colon) {
      if (!text_.starts_with(':')) return false;
      text_.remove_prefix(1);
    }
    if (!digits(2, 2, minutes) || hours > 24 || minutes > 60) return false;
    offset_ = sign * (hours * 60 + minutes) * 60;
    return true;
  }

  /// Three or four capital letters, of four the last a T; "ChST" and "MeST"; five as "WITA" has
  /// them; GMT with hours; +03.
  /// A name moves nothing, whatever it says: Go keeps the clock as it was read.
  bool zone_name() {
    const auto upper = [&](std::size_t at) {
      return at < text_.size() && text_[at] >= 'A' && text_[at] <= 'Z';
    };
    if (text_.starts_with("UTC")) {
      text_.remove_prefix(3);
      return true;
    }
    std::size_t length = 0;
    if (text_.starts_with("ChST") || text_.starts_with("MeST")) {
      length = 4;
    } else if (text_.starts_with("GMT")) {
      length = 3 + signed_hours(text_.substr(3));
    } else if (text_.starts_with('+') || text_.starts_with('-')) {
      length = signed_hours(text_);
    } else {
      while (length < 6 && upper(length)) ++length;
      const bool good = length == 3 ||
                        (length == 4 && (text_[3] == 'T' || text_.starts_with("WITA"))) ||
                        (length == 5 && text_[4] == 'T');
      if (!good) length = 0;
    }
    text_.remove_prefix(length);
    return length != 0;
  }

  /// The length of a sign with hours below 24 at the start of the text; 0: none.
  static std::size_t signed_hours(std::string_view text) {
    if (!text.starts_with('+') && !text.starts_with('-')) return 0;
    int hours = 0;
    std::size_t length = 1;
    while (is_digit(text, length) && hours < 1000) hours = hours * 10 + (text[length++] - '0');
    return length == 1 || hours > 23 ? 0 : length;
  }

  [[nodiscard]] std::optional<std::int64_t> seconds() const {
    const std::chrono::year_month_day date{std::chrono::year(year_),
                                           std::chrono::month(static_cast<unsigned>(month_)),
                                           std::chrono::day(static_cast<unsigned>(day_))};
    if (!date.ok()) return std::nullopt;
    int hour = hour_;
    if (afternoon_ && hour < 12) hour += 12;
    if (forenoon_ && hour == 12) hour = 0;
    const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
    return ((days * 24 + hour) * 60 + minute_) * 60 + second_ - offset_;
  }

  std::string_view layout_, text_;
  // What a layout leaves out is January 1 of the year 0.
  int year_ = 0, month_ = 1, day_ = 1, hour_ = 0, minute_ = 0, second_ = 0, offset_ = 0;
  bool afternoon_ = false, forenoon_ = false;
};

}  // namespace

std::optional<std::int64_t> parse_go_time(std::string_view layout, std::string_view text) {
  return TimeParser(layout, text).run();
}

}  // namespace gantry::workflow
