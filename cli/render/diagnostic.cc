#include "cli/render/diagnostic.h"

#include <algorithm>
#include <charconv>

namespace gantry::cli {
namespace {

/// Reads `NUMBER:` off the front of `text`; 0 when it is not there.
std::size_t take_number(std::string_view& text) {
  std::size_t number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end == text.data() + text.size() || *end != ':') return 0;
  text.remove_prefix(end - text.data() + 1);
  return number;
}

std::string_view line_of(std::string_view source, std::size_t number) {
  for (; number > 1; --number) {
    std::size_t end = source.find('\n');
    if (end == std::string_view::npos) return {};
    source.remove_prefix(end + 1);
  }
  return source.substr(0, source.find('\n'));
}

}  // namespace

std::vector<std::string> message_lines(std::string_view message) {
  std::vector<std::string> lines;
  while (!message.empty()) {
    std::size_t end = message.find('\n');
    std::string_view line = message.substr(0, end);
    while (!line.empty() && (line.back() == ' ' || line.back() == '\r')) line.remove_suffix(1);
    if (!line.empty()) lines.emplace_back(line);
    message = end == std::string_view::npos ? std::string_view() : message.substr(end + 1);
  }
  return lines;
}

std::string excerpt(std::string_view line, std::string_view file, std::string_view source,
                    const Terminal& terminal) {
  if (!line.starts_with(file) || line.substr(file.size(), 1) != ":") return {};
  line.remove_prefix(file.size() + 1);
  std::size_t row = take_number(line);
  std::size_t column = row > 0 ? take_number(line) : 0;
  if (row == 0 || column == 0) return {};
  std::string text = sanitize_line(line_of(source, row), false);
  std::replace(text.begin(), text.end(), '\t', ' ');
  if (text.empty() || column > text.size() + 1) return {};
  std::string number = std::to_string(row), blank(number.size(), ' ');
  const char* bar = terminal.utf8 ? " │ " : " | ";
  return "     " + dim(number + bar, terminal.color) +
         clip(text, terminal.columns - 9 - static_cast<int>(number.size())) + "\n     " +
         dim(blank + bar, terminal.color) +
         std::string(visible_width(text.substr(0, column - 1)), ' ') +
         paint("^", Color::Red, terminal.color) + "\n";
}

}  // namespace gantry::cli
