#pragma once

#include <string>
#include <vector>

#include "workflow/diagnostic.h"

namespace gantry::workflow {

/// `LINE:COLUMN: message` of each, warnings and notes marked as such.
inline std::vector<std::string> texts(const Diagnostics& diagnostics) {
  std::vector<std::string> out;
  for (const Diagnostic& diagnostic : diagnostics.items()) {
    std::string text = to_string(diagnostic, "");
    out.push_back(text.starts_with(':') ? text.substr(1) : text);
    if (const auto at = out.back().rfind(" at :"); at != std::string::npos) out.back().resize(at);
  }
  return out;
}

}  // namespace gantry::workflow
