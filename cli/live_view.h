#pragma once

// The part of `gantry run` that is redrawn: the tree of steps with spinners and running times.
// LiveView is pure; LiveArea writes.

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "cli/json.h"
#include "cli/render/terminal.h"
#include "cli/watch.h"

namespace gantry::cli {

/// Renders the tree. Times in the API are whole seconds; what is seen live is timed to the tenth.
class LiveView {
 public:
  /// Takes a new state in, at the time it was seen.
  void observe(const Json& workflow, Steady::time_point seen);
  /// The lines to show, an empty one first: at most two thirds of the terminal's, none wider than
  /// it. `note` is the last line if not empty.
  [[nodiscard]] std::vector<std::string> lines(const Json& workflow, const Terminal& terminal,
                                               Steady::time_point seen, Time now,
                                               const std::string& note) const;
  /// How long a node has run, or ran; "" before it starts.
  [[nodiscard]] std::string elapsed(const Json& node, Steady::time_point seen, Time now) const;

 private:
  struct Observed {
    std::optional<Steady::time_point> started, ended;
    bool from_start = false, to_end = false;  // seen to happen, not found done
  };
  std::map<std::string, Observed> nodes_;
  bool first_ = true;
};

/// The redrawn lines at the bottom of a terminal, with what is printed for good above them.
class LiveArea {
 public:
  LiveArea();
  ~LiveArea();  ///< shows the cursor again; what was drawn last stays
  LiveArea(const LiveArea&) = delete;
  LiveArea& operator=(const LiveArea&) = delete;

  /// Prints `above` for good and then `lines`, in one write.
  void draw(const std::string& above, const std::vector<std::string>& lines,
            const Terminal& terminal);

 private:
  std::vector<int> widths_;  // of the lines that stand there now
};

}  // namespace gantry::cli
