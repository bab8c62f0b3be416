#include "cli/render/age.h"

#include <cstdio>
#include <ctime>

namespace gantry::cli {
namespace {

using namespace std::chrono_literals;

constexpr Duration kDay = 24h;
constexpr Duration kWeek = 7 * kDay;
constexpr Duration kMonth = 30 * kDay;   // go-humanize's month
constexpr Duration kYear = 12 * kMonth;  // and its year
constexpr Duration kLongTime = 37 * kYear;

std::string local_time(Time time, const char* format) {
  std::time_t seconds = std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
  std::tm parts{};
  ::localtime_r(&seconds, &parts);
  char text[64];
  std::size_t length = std::strftime(text, sizeof text, format, &parts);
  return {text, length};
}

std::string count(Duration duration, Duration unit, std::string_view name) {
  return std::to_string(duration / unit) + " " + std::string(name);
}

/// One unit in words; `zero` is what less than a second is called.
std::string words(Duration d, std::string_view zero) {
  if (d < 1s) return std::string(zero);
  if (d < 2s) return "1 second";
  if (d < 1min) return count(d, 1s, "seconds");
  if (d < 2min) return "1 minute";
  if (d < 1h) return count(d, 1min, "minutes");
  if (d < 2h) return "1 hour";
  if (d < kDay) return count(d, 1h, "hours");
  if (d < 2 * kDay) return "1 day";
  if (d < kWeek) return count(d, kDay, "days");
  if (d < 2 * kWeek) return "1 week";
  if (d < kMonth) return count(d, kWeek, "weeks");
  if (d < 2 * kMonth) return "1 month";
  if (d < kYear) return count(d, kMonth, "months");
  if (d < 18 * kMonth) return "1 year";
  if (d < 2 * kYear) return "2 years";
  if (d < kLongTime) return count(d, kYear, "years");
  return "a long while";
}

}  // namespace

std::string short_duration(Duration d) {
  if (d < 0ms) d = -d;
  if (d < 1min) return std::to_string(d / 1s) + "s";
  if (d < 1h) return std::to_string(d / 1min) + "m";
  if (d < kDay) return std::to_string(d / 1h) + "h";
  return std::to_string(d / kDay) + "d";
}

std::string short_duration(std::optional<Time> start, std::optional<Time> finish, Time now) {
  if (!start) return "0s";
  return short_duration(finish.value_or(now) - *start);
}

std::string long_duration(Duration d) {
  std::string first = words(d, "0 seconds");
  if (d < 1min) return first;
  if (d < 1h) return first + " " + count(d % 1min, 1s, "seconds");
  if (d < kDay) return first + " " + count(d % 1h, 1min, "minutes");
  return first + " " + count(d % kDay, 1h, "hours");
}

std::string timestamp(Time time, Time now) {
  std::string ago = words(now > time ? now - time : time - now, "now");
  if (ago != "now") ago += now > time ? " ago" : " from now";
  return local_time(time, "%a %b %d %H:%M:%S %z") + " (" + ago + ")";
}

std::string go_time(Time time) { return local_time(time, "%Y-%m-%d %H:%M:%S %z %Z"); }

std::string running_time(Duration d) {
  if (d < 0ms) d = 0ms;
  char text[32];
  auto number = [](auto value) { return static_cast<long long>(value); };
  if (d < 1min) {
    std::snprintf(text, sizeof text, "%lld.%llds", number(d / 1s), number(d % 1s / 100ms));
  } else if (d < 1h) {
    std::snprintf(text, sizeof text, "%lldm%02llds", number(d / 1min), number(d % 1min / 1s));
  } else {
    std::snprintf(text, sizeof text, "%lldh%02lldm", number(d / 1h), number(d % 1h / 1min));
  }
  return text;
}

std::optional<Duration> parse_duration(std::string_view text) {
  if (text.empty()) return std::nullopt;
  Duration total{};
  while (!text.empty()) {
    std::int64_t number = 0;
    std::size_t digits = 0;
    while (digits < text.size() && text[digits] >= '0' && text[digits] <= '9') {
      number = number * 10 + (text[digits++] - '0');
      if (number > 1'000'000'000) return std::nullopt;
    }
    if (digits == 0 || digits == text.size()) return std::nullopt;
    switch (text[digits]) {
      case 's':
        total += number * 1s;
        break;
      case 'm':
        total += number * 1min;
        break;
      case 'h':
        total += number * 1h;
        break;
      case 'd':
        total += number * kDay;
        break;
      default:
        return std::nullopt;
    }
    text.remove_prefix(digits + 1);
  }
  return total;
}

}  // namespace gantry::cli
