#pragma once

#include <string>
#include <vector>

namespace gantry::cli {

/// Text in columns, as Go's text/tabwriter lays it out: a cell that a tab ends is padded to the
/// widest cell of its column in the neighbouring lines, plus `padding`; the last cell of a line is
/// not padded. So a column ends where a line has no such cell. Widths count code points; SGR
/// sequences count for nothing.
class Table {
 public:
  explicit Table(int padding) : padding_(padding) {}

  /// One line; every cell but the last is padded.
  void row(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  /// `trim` leaves out the spaces that end a line, which a narrow terminal would wrap.
  [[nodiscard]] std::string text(bool trim = false) const;

 private:
  int padding_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace gantry::cli
