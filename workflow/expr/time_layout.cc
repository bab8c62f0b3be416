#include "workflow/expr/time_layout.h"

namespace gantry::workflow::expr {
namespace {

bool is_digit(std::string_view text, std::size_t at) {
  return at < text.size() && text[at] >= '0' && text[at] <= '9';
}
bool is_lower(std::string_view text, std::size_t at) {
  return at < text.size() && text[at] >= 'a' && text[at] <= 'z';
}

struct Spelling {
  std::string_view text;
  Element element;
  int parts = 0;
  bool colons = false;
};

/// Of spellings that begin alike the longer one stands first.
constexpr Spelling kSpellings[] = {
    {"January", Element::MonthLong},
    {"Jan", Element::MonthShort},  // not before a lower-case letter
    {"Monday", Element::WeekdayLong},
    {"Mon", Element::WeekdayShort},  // not before a lower-case letter
    {"MST", Element::ZoneName},
    {"01", Element::MonthZero},
    {"02", Element::DayZero},
    {"03", Element::Hour12Zero},
    {"04", Element::MinuteZero},
    {"05", Element::SecondZero},
    {"06", Element::Year},
    {"002", Element::YearDayZero},
    {"15", Element::Hour},
    {"1", Element::Month},
    {"2006", Element::YearLong},
    {"2", Element::Day},
    {"__2", Element::YearDayUnderscore},
    {"_2", Element::DayUnderscore},  // "_2006" is an underscore and a year
    {"3", Element::Hour12},
    {"4", Element::Minute},
    {"5", Element::Second},
    {"PM", Element::UpperPm},
    {"pm", Element::LowerPm},
    {"-07:00:00", Element::Offset, 3, true},
    {"-070000", Element::Offset, 3, false},
    {"-07:00", Element::Offset, 2, true},
    {"-0700", Element::Offset, 2, false},
    {"-07", Element::Offset, 1, false},
    {"Z07:00:00", Element::IsoOffset, 3, true},
    {"Z070000", Element::IsoOffset, 3, false},
    {"Z07:00", Element::IsoOffset, 2, true},
    {"Z0700", Element::IsoOffset, 2, false},
    {"Z07", Element::IsoOffset, 1, false},
};

}  // namespace

Chunk next_chunk(std::string_view layout) {
  for (std::size_t at = 0; at < layout.size(); ++at) {
    const std::string_view here = layout.substr(at);
    // .000 or ,999: a fraction, when no digit follows it.
    if ((here[0] == '.' || here[0] == ',') && here.size() > 1 &&
        (here[1] == '0' || here[1] == '9')) {
      std::size_t end = 1;
      while (end < here.size() && here[end] == here[1]) ++end;
      if (!is_digit(here, end)) {
        return {.literal = layout.substr(0, at),
                .element = here[1] == '0' ? Element::FractionZero : Element::FractionNine,
                .written = here.substr(0, end),
                .rest = here.substr(end),
                .digits = static_cast<int>(end) - 1};
      }
      continue;
    }
    for (const Spelling& spelling : kSpellings) {
      if (!here.starts_with(spelling.text)) continue;
      const bool name =
          spelling.element == Element::MonthShort || spelling.element == Element::WeekdayShort;
      if (name && is_lower(here, spelling.text.size())) break;
      if (spelling.element == Element::DayUnderscore && here.starts_with("_2006")) {
        return {.literal = layout.substr(0, at + 1),
                .element = Element::YearLong,
                .written = here.substr(1, 4),
                .rest = here.substr(5)};
      }
      return {.literal = layout.substr(0, at),
              .element = spelling.element,
              .written = spelling.text,
              .rest = here.substr(spelling.text.size()),
              .colons = spelling.colons,
              .parts = spelling.parts};
    }
  }
  return {.literal = layout};
}

}  // namespace gantry::workflow::expr
