#include "cli/log_prefix.h"

#include <algorithm>

#include "cli/render/status.h"

namespace gantry::cli {
namespace {

constexpr int kWidestLabel = 28;

/// `outer.step`: the display names from the outermost boundary below the root down to the node.
std::string qualified(const Json& nodes, const Json& node) {
  std::string path = text_at(node, {"displayName"});
  const Json* here = &node;
  for (int depth = 0; depth < 32; ++depth) {
    const Json& boundary = at(nodes, {text_at(*here, {"boundaryID"})});
    if (!boundary.is_object() || text_at(boundary, {"boundaryID"}).empty()) break;
    path = text_at(boundary, {"displayName"}) + "." + path;
    here = &boundary;
  }
  return path;
}

}  // namespace

void LogPrefix::learn(const Json& workflow) {
  const Json& nodes = at(workflow, {"status", "nodes"});
  if (!nodes.is_object()) return;
  std::string name = text_at(workflow, {"metadata", "name"});
  for (const Json& node : nodes) {
    if (text_at(node, {"type"}) != "Pod") continue;
    std::string pod = pod_name(name, node);
    if (labels_.contains(pod)) continue;
    std::string label = text_at(node, {"displayName"});
    if (owner_.contains(label)) label = qualified(nodes, node);
    if (owner_.contains(label)) label = text_at(node, {"name"});
    label = flatten(label);
    owner_.emplace(label, pod);
    labels_.emplace(pod, label);
    if (!fulfilled(text_at(node, {"phase"})) || width_ == 0) {
      width_ = std::max(width_, std::min(kWidestLabel, visible_width(label)));
    }
  }
}

std::string LogPrefix::label(const std::string& pod) {
  auto found = labels_.find(pod);
  return found != labels_.end() ? found->second : flatten(pod);
}

std::string LogPrefix::of(const std::string& pod, const Terminal& terminal) {
  // Neighbours get different colours: in order of their first line, not by hash.
  constexpr Color kColors[] = {Color::Cyan, Color::Yellow, Color::Green, Color::Magenta,
                               Color::Blue};
  std::string name = label(pod);
  auto [color, fresh] = colors_.try_emplace(name, kColors[colors_.size() % std::size(kColors)]);
  std::string shown = clip(name, kWidestLabel);
  width_ = std::max(width_, visible_width(shown));
  shown.append(width_ - visible_width(shown), ' ');
  return paint(shown + (terminal.utf8 ? " │" : " |"), color->second, terminal.color) + " ";
}

}  // namespace gantry::cli
