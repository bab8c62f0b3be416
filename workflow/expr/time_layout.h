#pragma once

// Internal to time*.cc: a layout of Go's ("Mon Jan 2 15:04:05 2006") cut into its elements.

#include <cstdint>
#include <string_view>

namespace gantry::workflow::expr {

enum class Element : std::uint8_t {
  None,  ///< only literal text is left
  MonthLong,
  MonthShort,
  Month,
  MonthZero,
  WeekdayLong,
  WeekdayShort,
  Day,
  DayUnderscore,
  DayZero,
  YearDayUnderscore,
  YearDayZero,
  Hour,
  Hour12,
  Hour12Zero,
  Minute,
  MinuteZero,
  Second,
  SecondZero,
  YearLong,
  Year,
  UpperPm,
  LowerPm,
  ZoneName,
  IsoOffset,  ///< Z07…: "Z" for UTC
  Offset,     ///< -07…
  FractionZero,
  FractionNine,
};

struct Chunk {
  std::string_view literal;  ///< before the element
  Element element = Element::None;
  std::string_view written;  ///< the element as it stands in the layout
  std::string_view rest;     ///< behind it
  /// Of an offset: how many digits, with colons or without.
  bool colons = false;
  int parts = 2;   ///< 1: hours; 2: and minutes; 3: and seconds
  int digits = 0;  ///< of a fraction
};

/// The first element of `layout`.
Chunk next_chunk(std::string_view layout);

}  // namespace gantry::workflow::expr
