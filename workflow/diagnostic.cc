#include "workflow/diagnostic.h"

namespace gantry::workflow {

bool is_refusal(std::string_view message) { return message.starts_with("not supported yet: "); }

std::string to_string(const Diagnostic& diagnostic, const std::string& file) {
  std::string place = file;
  if (diagnostic.at.line != 0) place += ":" + std::to_string(diagnostic.at.line);
  std::string out = place;
  if (diagnostic.at.line != 0 && diagnostic.at.column != 0)
    out += ":" + std::to_string(diagnostic.at.column);
  out += ": ";
  switch (diagnostic.severity) {
    case Diagnostic::Severity::Error:
      break;
    case Diagnostic::Severity::Warning:
      out += "warning: ";
      break;
    case Diagnostic::Severity::Note:
      out += "note: ";
      break;
  }
  out += diagnostic.message;
  // The promised wording of a refused feature names the place itself, so that it can be quoted
  // alone.
  if (is_refusal(diagnostic.message)) out += " at " + place;
  return out;
}

}  // namespace gantry::workflow
