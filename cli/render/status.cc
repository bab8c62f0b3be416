#include "cli/render/status.h"

#include <algorithm>

#include "base/ids.h"

namespace gantry::cli {
namespace {

bool suspended(const Json& workflow) {
  if (at(workflow, {"spec", "suspend"}) == Json(true)) return true;
  const Json& nodes = at(workflow, {"status", "nodes"});
  if (!nodes.is_object()) return false;
  for (const Json& node : nodes) {
    if (text_at(node, {"type"}) == "Suspend" && text_at(node, {"phase"}) == "Running") return true;
  }
  return false;
}

}  // namespace

Color phase_color(std::string_view phase) {
  if (phase == "Pending") return Color::Yellow;
  if (phase == "Running") return Color::Cyan;
  if (phase == "Succeeded") return Color::Green;
  if (failed(phase)) return Color::Red;
  return Color::Default;
}

std::string phase_icon(std::string_view phase, const Terminal& terminal) {
  std::string_view icon;
  if (phase == "Pending") icon = "◷";
  if (phase == "Running") icon = "●";
  if (phase == "Succeeded") icon = "✔";
  if (phase == "Skipped") icon = "○";
  if (phase == "Failed") icon = "✖";
  if (phase == "Error") icon = "⚠";
  if (icon.empty()) return {};
  return paint(terminal.utf8 ? icon : phase, phase_color(phase), terminal.color);
}

std::string node_icon(const Json& node, const Terminal& terminal) {
  std::string phase = text_at(node, {"phase"});
  if (text_at(node, {"type"}) == "Suspend" && phase == "Running") {
    return paint(terminal.utf8 ? "ǁ" : "Suspend", Color::Cyan, terminal.color);
  }
  return phase_icon(phase, terminal);
}

bool fulfilled(std::string_view phase) {
  return phase == "Succeeded" || phase == "Skipped" || phase == "Omitted" || failed(phase);
}

bool failed(std::string_view phase) { return phase == "Failed" || phase == "Error"; }

bool finished(const Json& workflow) {
  return fulfilled(text_at(workflow, {"status", "phase"})) &&
         time_at(workflow, {"status", "finishedAt"}).has_value();
}

std::string workflow_status(const Json& workflow) {
  std::string phase = text_at(workflow, {"status", "phase"});
  if (phase == "Running" && suspended(workflow)) return "Running (Suspended)";
  if (phase == "Failed" && !text_at(workflow, {"spec", "shutdown"}).empty()) {
    return "Failed (Terminated)";
  }
  if (phase.empty() || phase == "Pending") {
    return time_at(workflow, {"metadata", "creationTimestamp"}) ? "Pending" : "Unknown";
  }
  return phase;
}

std::string node_template(const Json& node) {
  std::string name = text_at(node, {"templateRef", "template"});
  if (!name.empty()) return text_at(node, {"templateRef", "name"}) + "/" + name;
  return text_at(node, {"templateName"});
}

std::string pod_name(std::string_view workflow_name, const Json& node) {
  constexpr std::size_t kLongestPrefix = 253 - 10 - 1;
  std::string name = text_at(node, {"name"});
  if (name == workflow_name) return std::string(workflow_name);
  std::string prefix(workflow_name);
  std::string of = text_at(node, {"templateRef", "template"});
  if (of.empty()) of = text_at(node, {"templateName"});
  if (!of.empty()) prefix += "-" + of;
  prefix.resize(std::min(prefix.size(), kLongestPrefix));
  return prefix + "-" + std::to_string(fnv32a(name));
}

}  // namespace gantry::cli
