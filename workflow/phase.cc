#include "workflow/phase.h"

namespace gantry::workflow {

std::string_view phase_name(Phase phase) {
  switch (phase) {
    case Phase::Pending: return "Pending";
    case Phase::Running: return "Running";
    case Phase::Succeeded: return "Succeeded";
    case Phase::Failed: return "Failed";
    case Phase::Error: return "Error";
    case Phase::Skipped: return "Skipped";
    case Phase::Omitted: return "Omitted";
  }
  return "Error";
}

}  // namespace gantry::workflow
