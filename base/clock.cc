#include "base/clock.h"

#include <cstdio>
#include <ctime>

namespace gantry {

Time now() { return std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now()); }

static std::string print(Time time, bool millis) {
  auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  std::time_t t = seconds.time_since_epoch().count();
  std::tm parts{};
  gmtime_r(&t, &parts);
  char text[40];
  std::size_t length = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  if (millis) {
    length += static_cast<std::size_t>(std::snprintf(
        text + length, sizeof text - length, ".%03d", static_cast<int>((time - seconds).count())));
  }
  return std::string(text, length) + "Z";
}

std::string rfc3339(Time time) { return print(time, false); }
std::string rfc3339_millis(Time time) { return print(time, true); }

std::optional<Time> parse_rfc3339(std::string_view text) {
  std::string copy(text);
  std::tm parts{};
  const char* rest = strptime(copy.c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
  if (rest == nullptr) return std::nullopt;
  int millis = 0;
  if (*rest == '.') {
    int scale = 100;
    for (++rest; *rest >= '0' && *rest <= '9'; ++rest, scale /= 10) millis += (*rest - '0') * scale;
  }
  int offset_minutes = 0;
  if (*rest == 'Z' || *rest == 'z') {
    ++rest;
  } else {
    int hours = 0, minutes = 0;
    char sign = 0;
    if (std::sscanf(rest, "%c%2d:%2d", &sign, &hours, &minutes) != 3) return std::nullopt;
    if (sign != '+' && sign != '-') return std::nullopt;
    offset_minutes = (hours * 60 + minutes) * (sign == '-' ? -1 : 1);
    rest += 6;
  }
  if (*rest != '\0') return std::nullopt;
  return Time(std::chrono::seconds(timegm(&parts) - offset_minutes * 60) + Duration(millis));
}

}  // namespace gantry
