#include "workflow/expr/unescape.h"

#include "workflow/expr/go_text.h"

namespace gantry::workflow::expr {
namespace {

int digit_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : 16;
}

/// `count` digits of `base` at the front of `text`, which are taken off; -1 when they are not
/// there.
std::int64_t take_digits(std::string_view& text, std::size_t count, int base) {
  if (text.size() < count) return -1;
  std::int64_t value = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (digit_of(text[i]) >= base) return -1;
    value = value * base + digit_of(text[i]);
  }
  text.remove_prefix(count);
  return value;
}

/// The code behind the letter of \x, \u or \U; -1 when there is none.
std::int64_t take_code(char letter, std::string_view& text) {
  if (letter == 'x') return take_digits(text, 2, 16);
  if (letter == 'U') return take_digits(text, 8, 16);
  if (!text.starts_with('{')) return take_digits(text, 4, 16);
  const std::size_t end = text.find('}');
  if (end == std::string_view::npos || end == 1 || end > 7) return -1;
  text.remove_prefix(1);
  const std::int64_t code = take_digits(text, end - 1, 16);
  if (code >= 0) text.remove_prefix(1);
  return code;
}

}  // namespace

tl::expected<std::string, SyntaxError> unescape(std::string_view inside, char quote, bool bytes) {
  constexpr std::string_view kLetters = "abfnrtv\\";
  constexpr std::string_view kMeant = "\a\b\f\n\r\t\v\\";
  std::string out;
  out.reserve(inside.size());
  std::string_view rest = inside;
  const auto wrong = [&] {
    return tl::unexpected<SyntaxError>(
        {static_cast<std::uint32_t>(inside.size() - rest.size()), "invalid char escape"});
  };
  while (!rest.empty()) {
    const std::size_t plain = std::min(rest.find_first_of("\\\r"), rest.size());
    out += rest.substr(0, plain);
    rest.remove_prefix(plain);
    if (rest.empty()) break;
    if (rest[0] == '\r') {
      rest.remove_prefix(rest.substr(0, 2) == "\r\n" ? 2 : 1);
      out += '\n';
      continue;
    }
    if (rest.size() < 2) return wrong();
    const char letter = rest[1];
    std::string_view behind = rest.substr(2);
    if (const std::size_t found = kLetters.find(letter); found != std::string_view::npos) {
      out += kMeant[found];
    } else if (letter == quote) {
      out += quote;
    } else if (letter >= '0' && letter <= '3') {
      behind = rest.substr(1);
      const std::int64_t code = take_digits(behind, 3, 8);
      if (code < 0) return wrong();
      if (bytes) {
        out += static_cast<char>(code);
      } else {
        append_rune(out, static_cast<char32_t>(code));
      }
    } else if (letter == 'x' || (!bytes && (letter == 'u' || letter == 'U'))) {
      const std::int64_t code = take_code(letter, behind);
      if (code < 0 || code > 0x10FFFF) return wrong();
      if (bytes) {
        out += static_cast<char>(code);
      } else {
        append_rune(out, static_cast<char32_t>(code));
      }
    } else {
      return wrong();
    }
    rest = behind;
  }
  return out;
}

}  // namespace gantry::workflow::expr
