#include <limits>

#include "workflow/expr/time.h"

namespace gantry::workflow::expr {
namespace {

/// "1.5" of units of `unit` nanoseconds, without zeros at the end.
std::string in_units(std::uint64_t ns, std::uint64_t unit) {
  std::string out = std::to_string(ns / unit);
  std::uint64_t rest = ns % unit;
  if (rest == 0) return out;
  out += '.';
  for (unit /= 10; rest != 0; unit /= 10) {
    out += static_cast<char>('0' + rest / unit);
    rest %= unit;
  }
  return out;
}

struct Unit {
  std::string_view name;
  std::uint64_t nanoseconds;
};
constexpr Unit kUnits[] = {
    {"ns", 1},         {"us", 1'000},        {"µs", 1'000},         {"μs", 1'000},
    {"ms", 1'000'000}, {"s", 1'000'000'000}, {"m", 60'000'000'000}, {"h", 3'600'000'000'000},
};

}  // namespace

std::string format_duration(std::int64_t duration) {
  if (duration == 0) return "0s";
  const std::uint64_t ns = duration < 0 ? 0 - static_cast<std::uint64_t>(duration)
                                        : static_cast<std::uint64_t>(duration);
  std::string out = duration < 0 ? "-" : "";
  if (ns < 1'000) return out + std::to_string(ns) + "ns";
  if (ns < 1'000'000) return out + in_units(ns, 1'000) + "µs";
  if (ns < 1'000'000'000) return out + in_units(ns, 1'000'000) + "ms";
  const std::uint64_t minutes = ns / 60'000'000'000;
  if (minutes >= 60) out += std::to_string(minutes / 60) + "h";
  if (minutes > 0) out += std::to_string(minutes % 60) + "m";
  return out + in_units(ns % 60'000'000'000, 1'000'000'000) + "s";
}

std::int64_t round_duration(std::int64_t ns, std::int64_t unit) {
  if (unit <= 0) return ns;
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  const std::int64_t rest = ns % unit;  // has the sign of ns
  const std::uint64_t distance = rest < 0 ? 0 - static_cast<std::uint64_t>(rest) : rest;
  if (distance + distance < static_cast<std::uint64_t>(unit)) return ns - rest;
  const __int128 away = static_cast<__int128>(ns) - rest + (ns < 0 ? -unit : unit);
  if (away > kMost) return kMost;
  return away < -static_cast<__int128>(kMost) - 1 ? -kMost - 1 : static_cast<std::int64_t>(away);
}

Result<std::int64_t> parse_duration(std::string_view text) {
  constexpr std::uint64_t kMost = std::uint64_t{1} << 63;
  const auto invalid = [&](std::string_view what = "invalid duration", std::string_view more = {}) {
    return fail(Code::InvalidArgument, "time: " + std::string(what) + " " + std::string(more) +
                                           "\"" + std::string(text) + "\"");
  };
  std::string_view rest = text;
  bool negative = false;
  if (!rest.empty() && (rest[0] == '-' || rest[0] == '+')) {
    negative = rest[0] == '-';
    rest.remove_prefix(1);
  }
  if (rest == "0") return 0;
  if (rest.empty()) return invalid();
  std::uint64_t total = 0;
  const auto is_digit = [&](std::size_t at) {
    return at < rest.size() && rest[at] >= '0' && rest[at] <= '9';
  };
  while (!rest.empty()) {
    if (rest[0] != '.' && !is_digit(0)) return invalid();
    std::uint64_t whole = 0;
    bool digits = false;
    for (; is_digit(0); rest.remove_prefix(1)) {
      digits = true;
      if (whole > kMost / 10) return invalid();
      whole = whole * 10 + (rest[0] - '0');
      if (whole > kMost) return invalid();
    }
    double fraction = 0;
    if (rest.starts_with('.')) {
      rest.remove_prefix(1);
      double scale = 1;
      for (; is_digit(0); rest.remove_prefix(1)) {
        digits = true;
        scale /= 10;
        fraction += (rest[0] - '0') * scale;
      }
    }
    if (!digits) return invalid();
    std::size_t end = 0;
    while (end < rest.size() && rest[end] != '.' && !is_digit(end)) ++end;
    if (end == 0) return invalid("missing unit in duration");
    const std::string_view name = rest.substr(0, end);
    rest.remove_prefix(end);
    const Unit* unit = nullptr;
    for (const Unit& known : kUnits) {
      if (known.name == name) unit = &known;
    }
    if (unit == nullptr)
      return invalid("unknown unit", "\"" + std::string(name) + "\" in duration ");
    if (whole > kMost / unit->nanoseconds) return invalid();
    std::uint64_t part = whole * unit->nanoseconds;
    part += static_cast<std::uint64_t>(fraction * static_cast<double>(unit->nanoseconds));
    if (part > kMost) return invalid();
    total += part;
    if (total > kMost) return invalid();
  }
  if (negative) return static_cast<std::int64_t>(0 - total);
  if (total >= kMost) return invalid();
  return static_cast<std::int64_t>(total);
}

}  // namespace gantry::workflow::expr
