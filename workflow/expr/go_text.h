#pragma once

// Texts as Go's packages unicode, utf8, strings and strconv see them: bytes that are UTF-8 where
// they can be read as it; a byte that cannot counts as one U+FFFD. Case and classes of characters
// are utf8proc's.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::workflow::expr {

struct Rune {
  char32_t code = 0xFFFD;
  std::size_t size = 1;  ///< in bytes; 0 at the end of the text
  [[nodiscard]] bool valid() const { return code != 0xFFFD || size == 3; }
};
Rune decode_rune(std::string_view text);
void append_rune(std::string& out, char32_t rune);
std::size_t rune_count(std::string_view text);
std::vector<char32_t> runes(std::string_view text);
std::string from_runes(const std::vector<char32_t>& runes);

bool is_letter(char32_t rune);
bool is_digit(char32_t rune);
bool is_number(char32_t rune);
bool is_space(char32_t rune);
bool is_upper(char32_t rune);
bool is_lower(char32_t rune);
bool is_title(char32_t rune);
bool is_print(char32_t rune);
char32_t to_upper(char32_t rune);
char32_t to_lower(char32_t rune);
char32_t to_title(char32_t rune);

std::string to_upper(std::string_view text);
std::string to_lower(std::string_view text);

std::string_view trim_space(std::string_view text);
/// Cuts off characters of `cutset` at both ends.
std::string_view trim(std::string_view text, std::string_view cutset);
/// At most `n` parts (n < 0: all); an empty separator cuts between characters. With `keep`, the
/// separator stays at the end of each part. The parts are views into `text`.
std::vector<std::string_view> split(std::string_view text, std::string_view separator,
                                    std::int64_t n = -1, bool keep = false);
/// Replaces the first `n` (n < 0: all) occurrences; an empty `old` matches between characters.
/// `limit`: when the result would be longer, it is cut short behind it, which the caller looks at.
std::string replace(std::string_view text, std::string_view old, std::string_view with,
                    std::int64_t n, std::size_t limit);

/// In double quotes, as strconv.Quote.
std::string quote(std::string_view text);

}  // namespace gantry::workflow::expr
