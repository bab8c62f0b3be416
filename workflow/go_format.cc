#include "workflow/go_format.h"

#include <algorithm>
#include <optional>

namespace gantry::workflow {
namespace {

struct Verb {
  bool plus = false, minus = false, sharp = false, space = false, zero = false;
  std::size_t width = 0;
  std::optional<std::size_t> precision;
  char letter = 0;
};

constexpr std::size_t kWidest = 1000;

std::string digits(std::uint64_t value, unsigned base, bool upper) {
  const char* letters = upper ? "0123456789ABCDEF" : "0123456789abcdef";
  std::string out;
  do {
    out.insert(out.begin(), letters[value % base]);
    value /= base;
  } while (value != 0);
  return out;
}

std::string utf8(std::int64_t value) {
  const bool valid = value >= 0 && value <= 0x10ffff && (value < 0xd800 || value > 0xdfff);
  const std::uint32_t c = valid ? static_cast<std::uint32_t>(value) : 0xfffd;
  std::string out;
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += static_cast<char>(0xc0 | c >> 6);
    out += static_cast<char>(0x80 | (c & 0x3f));
  } else if (c < 0x10000) {
    out += static_cast<char>(0xe0 | c >> 12);
    out += static_cast<char>(0x80 | (c >> 6 & 0x3f));
    out += static_cast<char>(0x80 | (c & 0x3f));
  } else {
    out += static_cast<char>(0xf0 | c >> 18);
    out += static_cast<char>(0x80 | (c >> 12 & 0x3f));
    out += static_cast<char>(0x80 | (c >> 6 & 0x3f));
    out += static_cast<char>(0x80 | (c & 0x3f));
  }
  return out;
}

std::string padded(std::string text, const Verb& verb) {
  const std::size_t length = static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
  if (length >= verb.width) return text;
  const std::string blanks(verb.width - length, ' ');
  return verb.minus ? text + blanks : blanks + text;
}

std::string number(const Verb& verb, std::int64_t value, unsigned base, std::string_view prefix) {
  const bool negative = value < 0;
  const std::uint64_t magnitude = negative ? 0 - static_cast<std::uint64_t>(value) : static_cast<std::uint64_t>(value);
  std::string text = verb.precision == 0u && value == 0 ? "" : digits(magnitude, base, verb.letter == 'X');
  std::string sign = negative ? "-" : verb.plus ? "+" : verb.space ? " " : "";
  sign += prefix;
  std::size_t least = verb.precision.value_or(0);
  // Zeros fill the width only where nothing else says how many digits there are.
  if (verb.zero && !verb.minus && !verb.precision && verb.width > sign.size()) least = verb.width - sign.size();
  if (text.size() < least) text.insert(0, least - text.size(), '0');
  return padded(sign + text, verb);
}

std::string render(const Verb& verb, std::int64_t value) {
  switch (verb.letter) {
    case 'd':
    case 'v':
      return number(verb, value, 10, "");
    case 'b':
      return number(verb, value, 2, verb.sharp ? "0b" : "");
    case 'o':
      return number(verb, value, 8, verb.sharp ? "0" : "");
    case 'O':
      return number(verb, value, 8, "0o");
    case 'x':
      return number(verb, value, 16, verb.sharp ? "0x" : "");
    case 'X':
      return number(verb, value, 16, verb.sharp ? "0X" : "");
    case 'c':
      return padded(utf8(value), verb);
    case 'q':
      return padded("'" + utf8(value) + "'", verb);
    case 'U': {
      std::string hex = digits(static_cast<std::uint64_t>(value), 16, true);
      if (hex.size() < 4) hex.insert(0, 4 - hex.size(), '0');
      return padded("U+" + hex, verb);
    }
    default:
      return std::string("%!") + verb.letter + "(int=" + std::to_string(value) + ")";
  }
}

std::size_t read_number(std::string_view format, std::size_t& at) {
  std::size_t out = 0;
  for (; at < format.size() && format[at] >= '0' && format[at] <= '9'; ++at) {
    out = std::min(kWidest, out * 10 + static_cast<std::size_t>(format[at] - '0'));
  }
  return out;
}

}  // namespace

std::string go_format_integer(std::string_view format, std::int64_t value) {
  std::string out;
  bool used = false;
  for (std::size_t at = 0; at < format.size();) {
    if (format[at] != '%') {
      out += format[at++];
      continue;
    }
    ++at;
    Verb verb;
    for (bool flag = true; flag && at < format.size();) {
      switch (format[at]) {
        case '+': verb.plus = true; break;
        case '-': verb.minus = true; break;
        case '#': verb.sharp = true; break;
        case ' ': verb.space = true; break;
        case '0': verb.zero = true; break;
        default: flag = false;
      }
      if (flag) ++at;
    }
    verb.width = read_number(format, at);
    if (at < format.size() && format[at] == '.') {
      ++at;
      verb.precision = read_number(format, at);
    }
    if (at >= format.size()) {
      out += "%!(NOVERB)";
      break;
    }
    verb.letter = format[at++];
    if (verb.letter == '%') {
      out += '%';
    } else if (used) {
      out += std::string("%!") + verb.letter + "(MISSING)";
    } else {
      out += render(verb, value);
      used = true;
    }
  }
  if (!used) out += "%!(EXTRA int=" + std::to_string(value) + ")";
  return out;
}

}  // namespace gantry::workflow
