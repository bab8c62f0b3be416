#include "workflow/expr/go_number.h"

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <string>

namespace gantry::workflow::expr {
namespace {

/// Underscores only between digits, or between a base's prefix and a digit.
bool underscores_fit(std::string_view digits, bool prefixed) {
  char before = prefixed ? '0' : '_';
  for (const char c : digits) {
    if (c == '_' && before == '_') return false;
    before = c;
  }
  return before != '_';
}

bool equals_ignoring_case(std::string_view text, std::string_view lower) {
  if (text.size() != lower.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if ((text[i] | 0x20) != lower[i]) return false;
  }
  return true;
}

}  // namespace

std::optional<std::int64_t> parse_go_int(std::string_view text, int base) {
  bool negative = false;
  if (!text.empty() && (text[0] == '+' || text[0] == '-')) {
    negative = text[0] == '-';
    text.remove_prefix(1);
  }
  std::string plain;
  if (base == 0) {
    base = 10;
    bool prefixed = false;
    if (text.size() > 1 && text[0] == '0') {
      const char letter = static_cast<char>(text[1] | 0x20);
      base = letter == 'x' ? 16 : letter == 'b' ? 2 : 8;
      prefixed = true;
      text.remove_prefix(letter == 'x' || letter == 'b' || letter == 'o' ? 2 : 1);
    }
    if (text.find('_') != std::string_view::npos) {
      if (!underscores_fit(text, prefixed)) return std::nullopt;
      for (const char c : text) {
        if (c != '_') plain += c;
      }
      text = plain;
    }
  }
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (value > kMost + (negative ? 1 : 0)) return std::nullopt;
  return static_cast<std::int64_t>(negative ? 0 - value : value);
}

std::optional<double> parse_go_float(std::string_view text) {
  std::string_view digits = text;
  if (!digits.empty() && (digits[0] == '+' || digits[0] == '-')) digits.remove_prefix(1);
  if (digits.empty()) return std::nullopt;
  const double sign = text[0] == '-' ? -1 : 1;
  if (equals_ignoring_case(digits, "inf") || equals_ignoring_case(digits, "infinity")) {
    return sign * std::numeric_limits<double>::infinity();
  }
  if (equals_ignoring_case(text, "nan")) return std::numeric_limits<double>::quiet_NaN();
  const bool hex = digits.size() > 2 && digits[0] == '0' && (digits[1] | 0x20) == 'x';
  std::string plain;
  if (hex) {
    // Underscores may stand in it, and the exponent must.
    if (digits.find_first_of("pP") == std::string_view::npos) return std::nullopt;
    if (!underscores_fit(digits.substr(2), true)) return std::nullopt;
    for (const char c : digits) {
      if (c != '_') plain += c;
    }
  } else {
    if (digits.find_first_not_of("0123456789.eE+-") != std::string_view::npos) return std::nullopt;
    plain = digits;
  }
  if (plain[0] == '+' || plain[0] == '-') return std::nullopt;
  char* end = nullptr;
  const double value = std::strtod(plain.c_str(), &end);
  if (*end != '\0' || end == plain.c_str() || std::isinf(value)) return std::nullopt;
  return sign * value;
}

}  // namespace gantry::workflow::expr
