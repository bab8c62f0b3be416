#include "cli/live_view.h"

#include <algorithm>
#include <array>
#include <utility>

#include "cli/render/age.h"
#include "cli/render/status.h"
#include "cli/render/tree.h"
#include "cli/session.h"

namespace gantry::cli {
namespace {

using namespace std::chrono_literals;

constexpr std::array<const char*, 10> kSpinner{"⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"};
constexpr std::array<const char*, 4> kAsciiSpinner{"|", "/", "-", "\\"};
constexpr auto kSpinnerStep = 100ms;

std::string spinner(const Terminal& terminal, Steady::time_point seen) {
  auto step = static_cast<std::size_t>(seen.time_since_epoch() / kSpinnerStep);
  const char* frame =
      terminal.utf8 ? kSpinner[step % kSpinner.size()] : kAsciiSpinner[step % kAsciiSpinner.size()];
  return paint(frame, Color::Cyan, terminal.color);
}

std::string icon_of(const Json& node, const Terminal& terminal, Steady::time_point seen) {
  bool running = text_at(node, {"phase"}) == "Running" && text_at(node, {"type"}) != "Suspend";
  return running ? spinner(terminal, seen) : node_icon(node, terminal);
}

/// What is dropped last when there are more rows than fit: what runs, what failed, then what comes.
int rank(const TreeRow& row) {
  std::string phase = text_at(*row.node, {"phase"});
  if (phase == "Running") return 0;
  if (failed(phase)) return 1;
  return phase == "Succeeded" || phase == "Skipped" ? 3 : 2;
}

/// Keeps `room` rows, in their order; says what was dropped.
std::string keep(std::vector<TreeRow>& rows, std::size_t room, const Terminal& terminal) {
  if (rows.size() <= room) return {};
  std::vector<std::size_t> order(rows.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  // The root stays; of equals, the later ones are nearer to what happens now.
  std::stable_sort(order.begin() + 1, order.end(), [&](std::size_t a, std::size_t b) {
    int left = rank(rows[a]), right = rank(rows[b]);
    if (left != right) return left < right;
    return left == 3 ? a > b : a < b;
  });
  order.resize(room);
  std::vector<bool> kept(rows.size());
  for (std::size_t i : order) kept[i] = true;
  std::map<std::string, int> dropped;
  std::vector<TreeRow> left;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (kept[i]) {
      left.push_back(rows[i]);
    } else {
      ++dropped[text_at(*rows[i].node, {"phase"})];
    }
  }
  std::string text = " … " + std::to_string(rows.size() - room) + " more:";
  for (const auto& [phase, count] : dropped) {
    text += "  " + std::to_string(count) + " " + phase_icon(phase, terminal);
  }
  rows = std::move(left);
  return text;
}

}  // namespace

void LiveView::observe(const Json& workflow, Steady::time_point seen) {
  const bool first = std::exchange(first_, false);
  const Json& nodes = at(workflow, {"status", "nodes"});
  if (!nodes.is_object()) return;
  for (const auto& [id, node] : nodes.items()) {
    Observed& known = nodes_[id];
    std::string phase = text_at(node, {"phase"});
    if (phase == "Running" && !known.started) {
      known.started = seen;
      known.from_start = !first;
    }
    if (fulfilled(phase) && !known.ended) {
      known.ended = seen;
      known.to_end = !first && known.started.has_value();
    }
  }
}

std::string LiveView::elapsed(const Json& node, Steady::time_point seen, Time now) const {
  auto started = time_at(node, {"startedAt"}), finished = time_at(node, {"finishedAt"});
  std::string phase = text_at(node, {"phase"});
  if (phase == "Skipped" || phase == "Omitted" || phase == "Pending" || phase.empty()) return {};
  auto known = nodes_.find(text_at(node, {"id"}));
  if (known != nodes_.end() && known->second.from_start) {
    const Observed& observed = known->second;
    if (!observed.ended || observed.to_end) {
      return running_time(
          std::chrono::duration_cast<Duration>(observed.ended.value_or(seen) - *observed.started));
    }
  }
  if (!started) return {};
  if (finished) return short_duration(*finished - *started);
  return running_time(now - *started);
}

std::vector<std::string> LiveView::lines(const Json& workflow, const Terminal& terminal,
                                         Steady::time_point seen, Time now,
                                         const std::string& note) const {
  Tree tree = node_tree(workflow, {.utf8 = terminal.utf8});
  std::vector<TreeRow> rows = tree.main;
  rows.insert(rows.end(), tree.on_exit.begin(), tree.on_exit.end());
  std::vector<std::string> out{""};  // sets the tree off from the log
  if (rows.empty()) {
    std::string status = workflow_status(workflow);
    std::string message = flatten(text_at(workflow, {"status", "message"}));
    out.push_back(" " + spinner(terminal, seen) + " " + text_at(workflow, {"metadata", "name"}) +
                  "  " + dim(status + (message.empty() ? "" : "  " + message), terminal.color));
  }

  // A third of the screen is left to the log.
  auto room = static_cast<std::size_t>(std::max(4, terminal.rows / 3 * 2 - (note.empty() ? 2 : 3)));
  std::string dropped = keep(rows, room, terminal);

  struct Cells {
    std::string name, time, message;
  };
  std::vector<Cells> cells;
  int name_width = 0, time_width = 0;
  for (const TreeRow& row : rows) {
    const Json& node = *row.node;
    Cells line;
    line.name =
        row.prefix + icon_of(node, terminal, seen) + " " + flatten(text_at(node, {"displayName"}));
    line.time = elapsed(node, seen, now);
    line.message = flatten(text_at(node, {"message"}));
    if (&row == &rows.front()) {
      std::string progress = text_at(workflow, {"status", "progress"});
      if (line.message.empty() && progress != "0/0") line.message = progress;
    }
    name_width = std::max(name_width, visible_width(line.name));
    time_width = std::max(time_width, visible_width(line.time));
    cells.push_back(std::move(line));
  }
  name_width = std::min(name_width, std::max(20, terminal.columns - 24));
  for (const Cells& line : cells) {
    std::string text = clip(line.name, name_width);
    text.append(std::max(0, name_width - visible_width(text)) + 2, ' ');
    text.append(time_width - visible_width(line.time), ' ');
    text += line.time;
    if (!line.message.empty()) text += "  " + dim(line.message, terminal.color);
    out.push_back(std::move(text));
  }
  if (!dropped.empty()) out.push_back(dim(dropped, terminal.color));
  if (!note.empty()) out.push_back(" " + paint(note, Color::Yellow, terminal.color));
  // The last column stays free: a full line would wrap on some terminals.
  for (std::string& line : out) line = clip(line, terminal.columns - 1);
  return out;
}

LiveArea::LiveArea() { print("\x1b[?25l"); }

LiveArea::~LiveArea() {
  print("\x1b[?25h");
  std::fflush(stdout);
}

void LiveArea::draw(const std::string& above, const std::vector<std::string>& lines,
                    const Terminal& terminal) {
  int up = 0;
  // A terminal that became narrower has wrapped the old lines.
  for (int width : widths_) up += std::max(1, (width + terminal.columns - 1) / terminal.columns);
  std::string out =
      "\x1b[?2026h";  // synchronized update: terminals that know it show no half frame
  if (up > 0) out += "\r\x1b[" + std::to_string(up) + "A";
  if (!above.empty()) out += "\x1b[J" + above;
  widths_.clear();
  for (const std::string& line : lines) {
    out += line + "\x1b[K\n";
    widths_.push_back(visible_width(line));
  }
  out += "\x1b[J\x1b[?2026l";
  print(out);
  std::fflush(stdout);
}

}  // namespace gantry::cli
