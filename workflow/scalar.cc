#include "workflow/scalar.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>

namespace gantry::workflow {
namespace {

bool one_of(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Removes leading zeros of a string of decimal digits, and the sign of zero.
std::string canonical_integer(bool negative, std::string_view digits) {
  digits.remove_prefix(std::min(digits.find_first_not_of('0'), digits.size()));
  if (digits.empty()) return "0";
  return (negative ? "-" : "") + std::string(digits);
}

/// An integer as Go's ParseInt(text, 0, 64) takes it: 0x, 0o, 0b, a leading 0 for octal, else
/// decimal. Decimal integers keep all their digits, however many there are.
std::optional<std::string> parse_integer(std::string_view text) {
  bool negative = false;
  if (!text.empty() && (text.front() == '-' || text.front() == '+')) {
    negative = text.front() == '-';
    text.remove_prefix(1);
  }
  int base = 10;
  if (text.size() > 1 && text.front() == '0') {
    switch (text[1] | 0x20) {
      case 'x':
        base = 16;
        break;
      case 'o':
        base = 8;
        break;
      case 'b':
        base = 2;
        break;
      default:
        if (!is_digit(text[1])) return std::nullopt;
        base = 8;
    }
    text.remove_prefix(is_digit(text[1]) ? 1 : 2);
  }
  if (text.empty()) return std::nullopt;
  if (base == 10) {
    if (!std::all_of(text.begin(), text.end(), is_digit)) return std::nullopt;
    return canonical_integer(negative, text);
  }
  std::uint64_t value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (failure != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return canonical_integer(negative, std::to_string(value));
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
bool looks_like_float(std::string_view text) {
  std::size_t i = 0;
  const auto digits = [&] {
    const std::size_t start = i;
    while (i < text.size() && is_digit(text[i])) ++i;
    return i - start;
  };
  if (i < text.size() && (text[i] == '-' || text[i] == '+')) ++i;
  const std::size_t whole = digits();
  if (i < text.size() && text[i] == '.') {
    ++i;
    if (digits() == 0 && whole == 0) return false;
  } else if (whole == 0) {
    return false;
  }
  if (i < text.size() && (text[i] | 0x20) == 'e') {
    ++i;
    if (i < text.size() && (text[i] == '-' || text[i] == '+')) ++i;
    if (digits() == 0) return false;
  }
  return i == text.size();
}

}  // namespace

std::string format_float(double value) {
  if (value == 0) return "0";
  std::array<char, 64> buffer;
  const auto done = std::to_chars(buffer.data(), buffer.data() + buffer.size(), std::fabs(value),
                                  std::chars_format::scientific);
  const std::string_view text(buffer.data(), done.ptr - buffer.data());
  const std::size_t e = text.find('e');
  std::string digits(1, text[0]);
  if (e > 2) digits += text.substr(2, e - 2);
  int exponent = 0;
  std::string_view power = text.substr(e + 1);
  if (power.front() == '+') power.remove_prefix(1);
  std::from_chars(power.data(), power.data() + power.size(), exponent);

  // Not to_chars' fixed form: that prints all the digits of a big double, Go pads the shortest ones
  // with zeros.
  std::string out;
  const int point = exponent + 1;
  if (point <= 0) {
    out = "0." + std::string(-point, '0') + digits;
  } else if (point >= static_cast<int>(digits.size())) {
    out = digits + std::string(point - digits.size(), '0');
  } else {
    out = digits.substr(0, point) + "." + digits.substr(point);
  }
  return value < 0 ? "-" + out : out;
}

Scalar resolve_plain(std::string_view plain) {
  if (plain.empty() || one_of(plain, {"~", "null", "Null", "NULL"})) return {ScalarType::Null, ""};
  const char first = plain.front();
  const bool numeric = is_digit(first) || first == '+' || first == '-' || first == '.';
  if (!numeric) {
    if (plain.size() > 5) return {ScalarType::String, std::string(plain)};
    if (one_of(plain, {"y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"})) {
      return {ScalarType::Bool, "true"};
    }
    if (one_of(plain,
               {"n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"})) {
      return {ScalarType::Bool, "false"};
    }
    return {ScalarType::String, std::string(plain)};
  }
  if (one_of(plain, {".nan", ".NaN", ".NAN", ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF",
                     "-.inf", "-.Inf", "-.INF"})) {
    return {ScalarType::Float, ""};
  }
  std::string number;
  if (first != '.') {
    std::remove_copy(plain.begin(), plain.end(), std::back_inserter(number), '_');
    if (auto integer = parse_integer(number)) return {ScalarType::Integer, std::move(*integer)};
  } else {
    number = plain;
  }
  if (looks_like_float(number)) {
    const std::size_t sign = number.front() == '+' ? 1 : 0;
    double value = 0;
    const auto [end, failure] =
        std::from_chars(number.data() + sign, number.data() + number.size(), value);
    if (failure == std::errc() && end == number.data() + number.size()) {
      return {ScalarType::Float, format_float(value)};
    }
  }
  return {ScalarType::String, std::string(plain)};
}

}  // namespace gantry::workflow
