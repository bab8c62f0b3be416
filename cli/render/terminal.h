#pragma once

// What the output can show, and how text is made fit for it. Pure, but for `Terminal::of`.

#include <cstdint>
#include <string>
#include <string_view>

namespace gantry::cli {

struct Terminal {
  bool interactive = false;  ///< a terminal that understands cursor movement
  bool color = false;
  bool utf8 = true;
  int columns = 80;
  int rows = 24;

  /// Asks the kernel and the environment (TERM, NO_COLOR). Sizes fall back to 80x24.
  static Terminal of(int fd);
};

enum class Color : std::uint8_t {
  Default = 39,
  Red = 31,
  Green = 32,
  Yellow = 33,
  Blue = 34,
  Magenta = 35,
  Cyan = 36,
  White = 37
};

/// `text` in a colour, or as it is when colour is off.
std::string paint(std::string_view text, Color color, bool on);
std::string dim(std::string_view text, bool on);
std::string bold(std::string_view text, bool on);
std::string underline(std::string_view text, bool on);

/// The colour that Argo gives to a pod's log lines: a hash of its name.
Color color_of(std::string_view name);

/// Terminal columns that `text` takes: SGR sequences take none, wide characters (East Asian, emoji)
/// two.
int visible_width(std::string_view text);
/// Code points of `text` without SGR sequences: the width that Go's tabwriter counts.
int visible_runes(std::string_view text);
/// At most `columns` columns of `text`, with `…` where something was cut off. SGR sequences are
/// kept.
std::string clip(std::string_view text, int columns);

/// A line from a container, made harmless for a terminal: every C0 and C1 control and every escape
/// sequence goes, except tabs and, with `keep_color`, SGR (which is reset at the end). Of text that
/// a carriage return overwrote, the last stays, as a terminal would show it. Bytes that are not
/// UTF-8 become U+FFFD.
std::string sanitize_line(std::string_view line, bool keep_color);

/// Text for one cell or one message line: every control character, newline included, becomes a
/// space.
std::string flatten(std::string_view text);

}  // namespace gantry::cli
