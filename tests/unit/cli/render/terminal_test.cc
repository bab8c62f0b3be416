#include "cli/render/terminal.h"

#include <gtest/gtest.h>

namespace gantry::cli {
namespace {

TEST(Terminal, SanitizesLines) {
  struct Case {
    const char *line, *plain;
  } const cases[] = {
      {"plain\ttab", "plain\ttab"},
      {"bell\a nul-free \b\x7f", "bell nul-free "},
      {"\x1b[2J\x1b[1;1Hcleared", "cleared"},
      {"\x1b]0;title\a after", " after"},
      {"\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"},
      {"\x1bPdevice string\x1b\\x", "x"},
      {"\x1b(B\x1b=\x1b"
       "cx",
       "x"},
      {"unfinished \x1b]0;title", "unfinished "},
      {"unfinished \x1b[12", "unfinished "},
      {"at the end \x1b", "at the end "},
      {"\x1b[?25lhidden", "hidden"},
      {"C1 \xC2\x9b"
       "31m",
       "C1 31m"},
      {"raw C1 \x9b", "raw C1 \xEF\xBF\xBD"},
      {"not UTF-8 \xff\xc3", "not UTF-8 \xEF\xBF\xBD\xEF\xBF\xBD"},
      {"ü ✔ 漢", "ü ✔ 漢"},
      {"10%\r20%\r100%", "100%"},
      {"windows\r", "windows"},
      {"", ""},
  };
  for (const Case& c : cases) EXPECT_EQ(sanitize_line(c.line, false), c.plain) << c.plain;
}

TEST(Terminal, KeepsColoursAndResetsThem) {
  EXPECT_EQ(sanitize_line("\x1b[1;31mred\x1b[5A", true), "\x1b[1;31mred\x1b[0m");
  EXPECT_EQ(sanitize_line("\x1b[31mred", false), "red");
  EXPECT_EQ(sanitize_line("no colour", true), "no colour");
}

TEST(Terminal, Flattens) { EXPECT_EQ(flatten("two\nlines\x1b[2J\n"), "two lines [2J"); }

TEST(Terminal, Measures) {
  EXPECT_EQ(visible_width("a\x1b[31mb\x1b[0m✔漢"), 5);
  EXPECT_EQ(visible_runes("a\x1b[31mb\x1b[0m✔漢"), 4);
}

TEST(Terminal, Clips) {
  EXPECT_EQ(clip("short", 5), "short");
  EXPECT_EQ(clip("longer", 5), "long…");
  EXPECT_EQ(clip("漢字漢字", 5), "漢字…");
  EXPECT_EQ(clip("\x1b[31mlonger\x1b[0m", 3), "\x1b[31mlo…\x1b[0m");
  EXPECT_EQ(clip("x", 0), "");
}

TEST(Terminal, Paints) {
  EXPECT_EQ(paint("x", Color::Red, false), "x");
  EXPECT_EQ(paint("x", Color::Red, true), "\x1b[31mx\x1b[0m");
  EXPECT_EQ(color_of("a"), Color::Yellow);  // 97 mod 6 = 1, argo's second colour
}

}  // namespace
}  // namespace gantry::cli
