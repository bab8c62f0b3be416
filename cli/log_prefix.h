#pragma once

#include <map>
#include <string>

#include "cli/json.h"
#include "cli/render/terminal.h"

namespace gantry::cli {

/// What stands before a step's log lines: the step's name rather than its pod's, padded so that the
/// lines align, in the step's own colour. A label once given stays.
class LogPrefix {
 public:
  /// Learns the names of the pods of `workflow`.
  void learn(const Json& workflow);
  /// `build    │ ` for a line of `pod`; a pod that is not known is called by its own name.
  std::string of(const std::string& pod, const Terminal& terminal);
  [[nodiscard]] bool knows(const std::string& pod) const { return labels_.contains(pod); }
  /// The step's name alone.
  std::string label(const std::string& pod);

 private:
  std::map<std::string, std::string> labels_;  // pod → label
  std::map<std::string, std::string> owner_;   // label → pod
  std::map<std::string, Color> colors_;        // label → colour
  int width_ = 0;
};

}  // namespace gantry::cli
