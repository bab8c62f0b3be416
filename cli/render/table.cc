#include "cli/render/table.h"

#include <algorithm>

#include "cli/render/terminal.h"

namespace gantry::cli {

std::string Table::text(bool trim) const {
  // widths[r][c]: what the padded cell c of line r is filled up to.
  std::vector<std::vector<int>> widths(rows_.size());
  std::size_t columns = 0;
  for (std::size_t r = 0; r < rows_.size(); ++r) {
    widths[r].resize(rows_[r].empty() ? 0 : rows_[r].size() - 1);
    columns = std::max(columns, widths[r].size());
  }
  for (std::size_t c = 0; c < columns; ++c) {
    for (std::size_t begin = 0; begin < rows_.size();) {
      std::size_t end = begin;
      int widest = 0;
      while (end < rows_.size() && widths[end].size() > c) {
        widest = std::max(widest, visible_runes(rows_[end++][c]));
      }
      // As tabwriter: a column of empty cells only still takes its padding.
      for (std::size_t r = begin; r < end; ++r) widths[r][c] = widest + padding_;
      begin = std::max(end, begin + 1);
    }
  }
  std::string out;
  for (std::size_t r = 0; r < rows_.size(); ++r) {
    for (std::size_t c = 0; c < rows_[r].size(); ++c) {
      out += rows_[r][c];
      if (c < widths[r].size()) out.append(widths[r][c] - visible_runes(rows_[r][c]), ' ');
    }
    if (trim) out.erase(out.find_last_not_of(' ') + 1);
    out += '\n';
  }
  return out;
}

}  // namespace gantry::cli
