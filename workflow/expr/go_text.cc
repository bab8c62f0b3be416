#include "workflow/expr/go_text.h"

#include <utf8proc.h>

#include <cstdio>

namespace gantry::workflow::expr {
namespace {

utf8proc_category_t category(char32_t rune) {
  return utf8proc_category(static_cast<utf8proc_int32_t>(rune));
}

std::string map_runes(std::string_view text, char32_t (*map)(char32_t)) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const Rune rune = decode_rune(text);
    append_rune(out, map(rune.code));
    text.remove_prefix(rune.size);
  }
  return out;
}

}  // namespace

Rune decode_rune(std::string_view text) {
  if (text.empty()) return {0xFFFD, 0};
  const auto first = static_cast<unsigned char>(text[0]);
  if (first < 0x80) return {first, 1};
  const std::size_t size = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < size) return {0xFFFD, 1};
  char32_t code = first & (0xFF >> (size + 1));
  for (std::size_t i = 1; i < size; ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if ((byte & 0xC0) != 0x80) return {0xFFFD, 1};
    code = (code << 6) | (byte & 0x3F);
  }
  const bool overlong = (size == 3 && code < 0x800) || (size == 4 && code < 0x10000);
  if (overlong || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) return {0xFFFD, 1};
  return {code, size};
}

void append_rune(std::string& out, char32_t rune) {
  if (rune > 0x10FFFF || (rune >= 0xD800 && rune < 0xE000)) rune = 0xFFFD;
  if (rune < 0x80) {
    out += static_cast<char>(rune);
  } else if (rune < 0x800) {
    out += static_cast<char>(0xC0 | (rune >> 6));
    out += static_cast<char>(0x80 | (rune & 0x3F));
  } else if (rune < 0x10000) {
    out += static_cast<char>(0xE0 | (rune >> 12));
    out += static_cast<char>(0x80 | ((rune >> 6) & 0x3F));
    out += static_cast<char>(0x80 | (rune & 0x3F));
  } else {
    out += static_cast<char>(0xF0 | (rune >> 18));
    out += static_cast<char>(0x80 | ((rune >> 12) & 0x3F));
    out += static_cast<char>(0x80 | ((rune >> 6) & 0x3F));
    out += static_cast<char>(0x80 | (rune & 0x3F));
  }
}

std::size_t rune_count(std::string_view text) {
  std::size_t count = 0;
  while (!text.empty()) {
    text.remove_prefix(decode_rune(text).size);
    ++count;
  }
  return count;
}

std::vector<char32_t> runes(std::string_view text) {
  std::vector<char32_t> out;
  while (!text.empty()) {
    const Rune rune = decode_rune(text);
    out.push_back(rune.code);
    text.remove_prefix(rune.size);
  }
  return out;
}

std::string from_runes(const std::vector<char32_t>& runes) {
  std::string out;
  for (const char32_t rune : runes) append_rune(out, rune);
  return out;
}

bool is_letter(char32_t rune) {
  if (rune < 0x80) return (rune | 0x20) >= 'a' && (rune | 0x20) <= 'z';
  const auto of = category(rune);
  return of >= UTF8PROC_CATEGORY_LU && of <= UTF8PROC_CATEGORY_LO;
}
bool is_digit(char32_t rune) {
  if (rune < 0x80) return rune >= '0' && rune <= '9';
  return category(rune) == UTF8PROC_CATEGORY_ND;
}
bool is_number(char32_t rune) {
  const auto of = category(rune);
  return of >= UTF8PROC_CATEGORY_ND && of <= UTF8PROC_CATEGORY_NO;
}
bool is_space(char32_t rune) {
  if (rune < 0x100) {
    return rune == ' ' || (rune >= '\t' && rune <= '\r') || rune == 0x85 || rune == 0xA0;
  }
  const auto of = category(rune);
  return of == UTF8PROC_CATEGORY_ZS || of == UTF8PROC_CATEGORY_ZL || of == UTF8PROC_CATEGORY_ZP;
}
bool is_upper(char32_t rune) { return category(rune) == UTF8PROC_CATEGORY_LU; }
bool is_lower(char32_t rune) { return category(rune) == UTF8PROC_CATEGORY_LL; }
bool is_title(char32_t rune) { return category(rune) == UTF8PROC_CATEGORY_LT; }
bool is_print(char32_t rune) {
  if (rune < 0x80) return rune >= ' ' && rune != 0x7F;
  const auto of = category(rune);
  return of >= UTF8PROC_CATEGORY_LU && of <= UTF8PROC_CATEGORY_SO;
}
char32_t to_upper(char32_t rune) {
  if (rune == 0xDF) return rune;  // ß has a capital form in Unicode, but Go leaves it
  return static_cast<char32_t>(utf8proc_toupper(static_cast<utf8proc_int32_t>(rune)));
}
char32_t to_lower(char32_t rune) {
  return static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(rune)));
}
char32_t to_title(char32_t rune) {
  if (rune == 0xDF) return rune;
  return static_cast<char32_t>(utf8proc_totitle(static_cast<utf8proc_int32_t>(rune)));
}

std::string to_upper(std::string_view text) { return map_runes(text, to_upper); }
std::string to_lower(std::string_view text) { return map_runes(text, to_lower); }

std::string_view trim_space(std::string_view text) {
  while (!text.empty()) {
    const Rune rune = decode_rune(text);
    if (!is_space(rune.code)) break;
    text.remove_prefix(rune.size);
  }
  std::size_t keep = 0;
  for (std::size_t at = 0; at < text.size();) {
    const Rune rune = decode_rune(text.substr(at));
    at += rune.size;
    if (!is_space(rune.code)) keep = at;
  }
  return text.substr(0, keep);
}

std::string_view trim(std::string_view text, std::string_view cutset) {
  const auto cuts = [cut = runes(cutset)](char32_t rune) {
    for (const char32_t each : cut) {
      if (each == rune) return true;
    }
    return false;
  };
  while (!text.empty()) {
    const Rune rune = decode_rune(text);
    if (!cuts(rune.code)) break;
    text.remove_prefix(rune.size);
  }
  std::size_t keep = 0;
  for (std::size_t at = 0; at < text.size();) {
    const Rune rune = decode_rune(text.substr(at));
    at += rune.size;
    if (!cuts(rune.code)) keep = at;
  }
  return text.substr(0, keep);
}

std::vector<std::string_view> split(std::string_view text, std::string_view separator,
                                    std::int64_t n, bool keep) {
  std::vector<std::string_view> parts;
  if (n == 0) return parts;
  const auto more = [&] { return n < 0 || static_cast<std::int64_t>(parts.size()) + 1 < n; };
  if (separator.empty()) {
    while (!text.empty()) {
      const std::size_t size = more() ? decode_rune(text).size : text.size();
      parts.push_back(text.substr(0, size));
      text.remove_prefix(size);
    }
    return parts;
  }
  while (more()) {
    const std::size_t at = text.find(separator);
    if (at == std::string_view::npos) break;
    parts.push_back(text.substr(0, keep ? at + separator.size() : at));
    text.remove_prefix(at + separator.size());
  }
  parts.push_back(text);
  return parts;
}

std::string replace(std::string_view text, std::string_view old, std::string_view with,
                    std::int64_t n, std::size_t limit) {
  if (old == with) n = 0;
  std::string out;
  bool first = true;
  for (; n != 0 && out.size() <= limit; --n) {
    if (old.empty()) {
      if (!first) {
        if (text.empty()) break;
        const std::size_t size = decode_rune(text).size;
        out += text.substr(0, size);
        text.remove_prefix(size);
      }
      out += with;
      first = false;
      continue;
    }
    const std::size_t at = text.find(old);
    if (at == std::string_view::npos) break;
    out.append(text.substr(0, at)).append(with);
    text.remove_prefix(at + old.size());
  }
  return out.append(text);
}

std::string quote(std::string_view text) {
  std::string out = "\"";
  char escape[16];
  while (!text.empty()) {
    const Rune rune = decode_rune(text);
    if (!rune.valid()) {
      std::snprintf(escape, sizeof escape, "\\x%02x", static_cast<unsigned char>(text[0]));
      out += escape;
    } else if (rune.code == '"' || rune.code == '\\') {
      out += '\\';
      out += static_cast<char>(rune.code);
    } else if (is_print(rune.code)) {
      out += text.substr(0, rune.size);
    } else if (rune.code >= 7 && rune.code <= 13) {
      out += '\\';
      out += "abtnvfr"[rune.code - 7];
    } else {
      const char* form = rune.code < ' ' || rune.code == 0x7F ? "\\x%02x"
                         : rune.code < 0x10000                ? "\\u%04x"
                                                              : "\\U%08x";
      std::snprintf(escape, sizeof escape, form, static_cast<unsigned>(rune.code));
      out += escape;
    }
    text.remove_prefix(rune.size);
  }
  return out + '"';
}

}  // namespace gantry::workflow::expr
