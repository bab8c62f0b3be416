#include "cli/render/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

namespace gantry::cli {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

struct CodePoint {
  char32_t value = 0;
  std::size_t length = 1;
  bool valid = false;
};

CodePoint decode(std::string_view text, std::size_t at) {
  auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  unsigned char first = byte(at);
  if (first < 0x80) return {first, 1, true};
  std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || at + length > text.size()) return {};
  char32_t value = first & (0x7F >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(at + i) & 0xC0) != 0x80) return {};
    value = (value << 6) | (byte(at + i) & 0x3F);
  }
  constexpr char32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
  if (value < kSmallest[length] || value > 0x10FFFF || (value >= 0xD800 && value < 0xE000)) {
    return {};
  }
  return {value, length, true};
}

int columns_of(char32_t c) {
  if (c < 0x20 || (c >= 0x7F && c < 0xA0)) return 0;
  auto in = [c](char32_t from, char32_t to) { return c >= from && c <= to; };
  if (in(0x300, 0x36F) || in(0x200B, 0x200F) || in(0xFE00, 0xFE0F)) return 0;
  bool wide = in(0x1100, 0x115F) || in(0x2E80, 0x303E) || in(0x3041, 0xA4CF) ||
              in(0xAC00, 0xD7A3) || in(0xF900, 0xFAFF) || in(0xFE30, 0xFE6F) ||
              in(0xFF00, 0xFF60) || in(0xFFE0, 0xFFE6) || in(0x1F300, 0x1F64F) ||
              in(0x1F680, 0x1F6FF) || in(0x1F900, 0x1F9FF) || in(0x20000, 0x3FFFD);
  return wide ? 2 : 1;
}

/// The length of the SGR sequence at `at`, 0 when there is none.
std::size_t sgr_at(std::string_view text, std::size_t at) {
  if (text.substr(at, 2) != "\x1b[") return 0;
  std::size_t i = at + 2;
  while (i < text.size() &&
         ((text[i] >= '0' && text[i] <= '9') || text[i] == ';' || text[i] == ':')) {
    ++i;
  }
  return i < text.size() && text[i] == 'm' ? i + 1 - at : 0;
}

/// The length of the escape sequence at `at` (an ESC), as ECMA-48 delimits it; never beyond the
/// line.
std::size_t escape_at(std::string_view text, std::size_t at) {
  std::size_t i = at + 1;
  if (i >= text.size()) return 1;
  char kind = text[i++];
  if (kind == '[') {  // CSI: parameters and intermediates, one final byte
    while (i < text.size() && text[i] >= 0x20 && text[i] <= 0x3F) ++i;
    return (i < text.size() && text[i] >= 0x40 && text[i] <= 0x7E ? i + 1 : i) - at;
  }
  if (kind == ']' || kind == 'P' || kind == 'X' || kind == '^' || kind == '_') {
    // A string (OSC, DCS, SOS, PM, APC): up to BEL or ST.
    for (; i < text.size(); ++i) {
      if (text[i] == '\a') return i + 1 - at;
      if (text[i] == '\x1b') return (i + 1 < text.size() && text[i + 1] == '\\' ? i + 2 : i) - at;
    }
    return i - at;
  }
  if (kind >= 0x20 && kind <= 0x2F) {  // intermediates, then one byte
    while (i < text.size() && text[i] >= 0x20 && text[i] <= 0x2F) ++i;
    return (i < text.size() ? i + 1 : i) - at;
  }
  return kind >= 0x30 && kind <= 0x7E ? 2 : 1;
}

template <class Visit>
void for_each_visible(std::string_view text, Visit visit) {
  for (std::size_t i = 0; i < text.size();) {
    if (std::size_t length = sgr_at(text, i)) {
      i += length;
      continue;
    }
    CodePoint point = decode(text, i);
    visit(point);
    i += point.length;
  }
}

std::string wrap(std::string_view text, std::string_view start, std::string_view end, bool on) {
  if (!on) return std::string(text);
  return "\x1b[" + std::string(start) + "m" + std::string(text) + "\x1b[" + std::string(end) + "m";
}

}  // namespace

Terminal Terminal::of(int fd) {
  Terminal terminal;
  const char* term = std::getenv("TERM");
  std::string_view kind = term ? term : "";
  terminal.interactive = ::isatty(fd) == 1 && kind != "dumb" && !kind.empty();
  const char* no_color = std::getenv("NO_COLOR");
  terminal.color = terminal.interactive && (no_color == nullptr || *no_color == '\0');
  winsize size{};
  if (::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 && size.ws_row > 0) {
    terminal.columns = size.ws_col;
    terminal.rows = size.ws_row;
  }
  return terminal;
}

std::string paint(std::string_view text, Color color, bool on) {
  return wrap(text, std::to_string(static_cast<int>(color)), "0", on);
}
std::string dim(std::string_view text, bool on) { return wrap(text, "2", "0", on); }
std::string bold(std::string_view text, bool on) { return wrap(text, "1", "0", on); }
std::string underline(std::string_view text, bool on) { return wrap(text, "4", "0", on); }

Color color_of(std::string_view name) {
  constexpr Color kColors[] = {Color::Green,   Color::Yellow, Color::Blue,
                               Color::Magenta, Color::Cyan,   Color::White};
  std::uint64_t sum = 0;
  for_each_visible(name, [&](CodePoint point) { sum += point.value; });
  return kColors[sum % std::size(kColors)];
}

int visible_width(std::string_view text) {
  int width = 0;
  for_each_visible(text,
                   [&](CodePoint point) { width += point.valid ? columns_of(point.value) : 1; });
  return width;
}

int visible_runes(std::string_view text) {
  int runes = 0;
  for_each_visible(text, [&](CodePoint) { ++runes; });
  return runes;
}

std::string clip(std::string_view text, int columns) {
  if (columns <= 0) return {};
  if (visible_width(text) <= columns) return std::string(text);
  std::string out;
  int width = 0;
  bool colored = false;
  for (std::size_t i = 0; i < text.size();) {
    if (std::size_t length = sgr_at(text, i)) {
      out += text.substr(i, length);
      colored = true;
      i += length;
      continue;
    }
    CodePoint point = decode(text, i);
    int wide = point.valid ? columns_of(point.value) : 1;
    if (width + wide > columns - 1) break;
    width += wide;
    out += text.substr(i, point.length);
    i += point.length;
  }
  out += "…";
  if (colored) out += "\x1b[0m";
  return out;
}

std::string sanitize_line(std::string_view line, bool keep_color) {
  while (!line.empty() && (line.back() == '\r' || line.back() == '\n')) line.remove_suffix(1);
  std::string out;
  out.reserve(line.size());
  bool colored = false;
  for (std::size_t i = 0; i < line.size();) {
    if (line[i] == '\x1b') {
      if (std::size_t length = sgr_at(line, i)) {
        if (keep_color) {
          out += line.substr(i, length);
          colored = true;
        }
        i += length;
      } else {
        i += escape_at(line, i);
      }
      continue;
    }
    CodePoint point = decode(line, i);
    if (!point.valid) {
      out += kReplacement;
    } else if (point.value == '\r') {
      out.clear();  // what a progress bar wrote over
      if (colored) out += "\x1b[0m";
    } else if (point.value == '\t' ||
               (point.value >= 0x20 && (point.value < 0x7F || point.value > 0x9F))) {
      out += line.substr(i, point.length);
    }
    i += point.length;
  }
  if (colored) out += "\x1b[0m";
  return out;
}

std::string flatten(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    CodePoint point = decode(text, i);
    bool control =
        point.valid && (point.value < 0x20 || (point.value >= 0x7F && point.value < 0xA0));
    if (!point.valid) {
      out += kReplacement;
    } else if (control) {
      out += ' ';
    } else {
      out += text.substr(i, point.length);
    }
    i += point.length;
  }
  while (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

}  // namespace gantry::cli
