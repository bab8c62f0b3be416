#include "workflow/quantity.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <limits>
#include <optional>
#include <string>

namespace gantry::workflow {
namespace {

// __extension__: -Wpedantic knows no 128-bit integers, both compilers do.
__extension__ using Wide = unsigned __int128;

constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// What a suffix multiplies by: base^exponent.
struct Scale {
  unsigned base;
  int exponent;
};

std::optional<Scale> scale_of(std::string_view suffix) {
  struct Named {
    std::string_view suffix;
    Scale scale;
  };
  constexpr std::array<Named, 16> kNamed = {{{"n", {10, -9}},
                                             {"u", {10, -6}},
                                             {"m", {10, -3}},
                                             {"", {10, 0}},
                                             {"k", {10, 3}},
                                             {"M", {10, 6}},
                                             {"G", {10, 9}},
                                             {"T", {10, 12}},
                                             {"P", {10, 15}},
                                             {"E", {10, 18}},
                                             {"Ki", {2, 10}},
                                             {"Mi", {2, 20}},
                                             {"Gi", {2, 30}},
                                             {"Ti", {2, 40}},
                                             {"Pi", {2, 50}},
                                             {"Ei", {2, 60}}}};
  for (const Named& named : kNamed) {
    if (named.suffix == suffix) return named.scale;
  }
  if (suffix.size() < 2 || (suffix[0] != 'e' && suffix[0] != 'E')) return std::nullopt;
  const bool plus = suffix[1] == '+';
  suffix.remove_prefix(plus ? 2 : 1);
  if (plus && suffix.starts_with('-')) return std::nullopt;
  int exponent = 0;
  const auto [end, error] = std::from_chars(suffix.data(), suffix.data() + suffix.size(), exponent);
  if (error != std::errc() || end != suffix.data() + suffix.size()) return std::nullopt;
  return Scale{10, exponent};
}

tl::unexpected<Error> bad_quantity(std::string_view text, std::string_view why) {
  return fail(Code::InvalidArgument,
              "invalid quantity '" + std::string(text) + "': " + std::string(why));
}

/// `text` × 10^shift, rounded up; `rounded` says whether that changed it.
Result<std::int64_t> parse_quantity(std::string_view text, int shift, bool* rounded = nullptr) {
  std::string_view rest = text;
  bool negative = false;
  if (!rest.empty() && (rest[0] == '+' || rest[0] == '-')) {
    negative = rest[0] == '-';
    rest.remove_prefix(1);
  }
  std::size_t number = 0;
  while (number < rest.size() && is_digit(rest[number])) ++number;
  std::string_view whole = rest.substr(0, number);
  rest.remove_prefix(number);
  std::string_view fraction;
  if (!rest.empty() && rest[0] == '.') {
    number = 1;
    while (number < rest.size() && is_digit(rest[number])) ++number;
    fraction = rest.substr(1, number - 1);
    rest.remove_prefix(number);
  }
  if (whole.empty() && fraction.empty())
    return bad_quantity(text, "a number is expected, such as 2, 500m or 64Mi");
  const auto scale = scale_of(rest);
  if (!scale) {
    return bad_quantity(
        text,
        "unknown suffix '" + std::string(rest) +
            "', expected one of n, u, m, k, M, G, T, P, E, Ki, Mi, Gi, Ti, Pi, Ei or an exponent");
  }
  whole.remove_prefix(std::min(whole.find_first_not_of('0'), whole.size()));
  fraction = fraction.substr(0, fraction.find_last_not_of('0') + 1);
  if (whole.empty() && fraction.empty()) return 0;
  if (negative) return bad_quantity(text, "must not be negative");
  const auto too_large = [&] {
    return fail(Code::OutOfRange, "quantity '" + std::string(text) + "' is too large");
  };

  // The digits as one number, whose last digit stands at 10^exponent. 20 of them beside 2^60 fit
  // into 128 bits; what is behind is less than a unit of any result that fits, so it only rounds
  // up.
  constexpr std::size_t kDigits = 20;
  Wide digits = 0;
  bool more = false;
  std::size_t taken = 0;
  int exponent = 0;
  const auto take = [&](std::string_view part, bool behind_point) {
    for (const char c : part) {
      if (taken < kDigits) {
        digits = digits * 10 + static_cast<unsigned>(c - '0');
        if (digits != 0) ++taken;
        if (behind_point) --exponent;
      } else {
        more |= c != '0';
        if (!behind_point) ++exponent;
      }
    }
  };
  if (whole.size() + fraction.size() > 10'000) return bad_quantity(text, "too many digits");
  take(whole, false);
  take(fraction, true);

  exponent += shift;
  if (scale->base == 2) {
    digits <<= scale->exponent;  // below 10^20 × 2^60
  } else {
    exponent += std::clamp(scale->exponent, -100'000, 100'000);
  }
  for (; exponent > 0; --exponent) {
    if (digits > static_cast<Wide>(kMax)) return too_large();
    digits *= 10;
  }
  for (; exponent < 0 && digits != 0; ++exponent) {
    more |= digits % 10 != 0;
    digits /= 10;
  }
  if (more) ++digits;
  if (rounded != nullptr) *rounded = more;
  if (digits > static_cast<Wide>(kMax)) return too_large();
  return static_cast<std::int64_t>(digits);
}

// Go durations
// ----------------------------------------------------------------------------------------------------

constexpr std::uint64_t kNanosecond = 1, kMicrosecond = 1'000, kMillisecond = 1'000'000,
                        kSecond = 1'000'000'000;
constexpr std::uint64_t kMinute = 60 * kSecond, kHour = 60 * kMinute;

std::uint64_t unit_of(std::string_view unit) {
  if (unit == "ns") return kNanosecond;
  if (unit == "us" || unit == "\u00b5s" || unit == "\u03bcs") return kMicrosecond;
  if (unit == "ms") return kMillisecond;
  if (unit == "s") return kSecond;
  if (unit == "m") return kMinute;
  if (unit == "h") return kHour;
  return 0;
}

}  // namespace

Result<std::int64_t> parse_cpu_milli(std::string_view text) { return parse_quantity(text, 3); }

Result<std::int64_t> parse_bytes(std::string_view text) { return parse_quantity(text, 0); }

Result<std::int64_t> parse_whole(std::string_view text) {
  bool rounded = false;
  auto value = parse_quantity(text, 0, &rounded);
  if (value && rounded) return bad_quantity(text, "must be an integer");
  return value;
}

Result<Duration> parse_go_duration(std::string_view text) {
  const std::string quoted = std::string("\"").append(text).append("\"");
  const auto invalid = [&] {
    return fail(Code::InvalidArgument, "time: invalid duration " + quoted);
  };
  constexpr std::uint64_t kLimit = std::uint64_t{1} << 63;

  std::string_view rest = text;
  bool negative = false;
  if (!rest.empty() && (rest[0] == '+' || rest[0] == '-')) {
    negative = rest[0] == '-';
    rest.remove_prefix(1);
  }
  if (rest == "0") return Duration(0);
  if (rest.empty()) return invalid();
  std::uint64_t total = 0;  // nanoseconds
  while (!rest.empty()) {
    if (rest[0] != '.' && !is_digit(rest[0])) return invalid();
    std::uint64_t whole = 0;
    bool any = false;
    for (; !rest.empty() && is_digit(rest[0]); rest.remove_prefix(1)) {
      any = true;
      if (whole > kLimit / 10) return invalid();
      whole = whole * 10 + static_cast<unsigned>(rest[0] - '0');
      if (whole > kLimit) return invalid();
    }
    // The fraction counts in nanoseconds of at most an hour: 15 digits decide, as exact as Go's
    // floating point.
    std::uint64_t fraction = 0, fraction_scale = 1;
    if (!rest.empty() && rest[0] == '.') {
      for (rest.remove_prefix(1); !rest.empty() && is_digit(rest[0]); rest.remove_prefix(1)) {
        any = true;
        if (fraction_scale >= 1'000'000'000'000'000) continue;
        fraction = fraction * 10 + static_cast<unsigned>(rest[0] - '0');
        fraction_scale *= 10;
      }
    }
    if (!any) return invalid();
    std::size_t length = 0;
    while (length < rest.size() && rest[length] != '.' && !is_digit(rest[length])) ++length;
    if (length == 0) return fail(Code::InvalidArgument, "time: missing unit in duration " + quoted);
    const std::string_view name = rest.substr(0, length);
    const std::uint64_t unit = unit_of(name);
    if (unit == 0) {
      return fail(Code::InvalidArgument,
                  "time: unknown unit \"" + std::string(name) + "\" in duration " + quoted);
    }
    rest.remove_prefix(length);
    if (whole > kLimit / unit) return invalid();
    std::uint64_t value = whole * unit;
    value += static_cast<std::uint64_t>(static_cast<Wide>(fraction) * unit / fraction_scale);
    if (value > kLimit || total > kLimit - value) return invalid();
    total += value;
  }
  if (total == kLimit && !negative) return invalid();
  const auto millis = static_cast<std::int64_t>((total + kMillisecond - 1) / kMillisecond);
  return Duration(negative ? -millis : millis);
}

Result<Duration> parse_duration_or_seconds(std::string_view text) {
  std::string_view digits = text;
  if (digits.size() > 1 && digits[0] == '+' && is_digit(digits[1])) digits.remove_prefix(1);
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), seconds);
  if (error == std::errc() && end == digits.data() + digits.size()) {
    constexpr std::int64_t kMost = kMax / 1'000'000'000;  // Go counts nanoseconds
    if (seconds > kMost || seconds < -kMost) {
      return fail(Code::OutOfRange, "duration of " + std::string(text) + " seconds is too long");
    }
    return Duration(seconds * 1000);
  }
  auto duration = parse_go_duration(text);
  if (!duration) {
    duration.error().message =
        "unable to parse " + std::string(text) + " as a duration: " + duration.error().message;
  }
  return duration;
}

}  // namespace gantry::workflow
