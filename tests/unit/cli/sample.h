#pragma once

// Small workflows for the tests, in the shape of the API.

#include <string>

#include "base/ids.h"
#include "cli/json.h"

namespace gantry::cli {

struct NodeSpec {
  std::string name, type, phase, boundary = {}, templ = {};
  int started = 0, finished = -1;  ///< seconds after 2024-01-01T00:00:00Z; -1: not yet
  std::vector<std::string> children = {};
  std::string message = {};
};

inline std::string sample_time(int seconds) {
  char text[32];
  std::snprintf(text, sizeof text, "2024-01-01T00:%02d:%02dZ", seconds / 60, seconds % 60);
  return text;
}

inline std::string node_id(const std::string& workflow, const std::string& name) {
  return name == workflow ? name : workflow + "-" + std::to_string(fnv32a(name));
}

/// A node's display name is what follows its boundary's or group's name.
inline std::string display_name(const std::string& workflow, const std::string& name) {
  std::size_t dot = name.rfind('.');
  if (name.ends_with(']')) return name.substr(name.rfind('['));
  if (name == workflow || name.ends_with(".onExit")) return name;
  return dot == std::string::npos ? name : name.substr(dot + 1);
}

inline Json sample_workflow(const std::string& name, const std::string& phase,
                            const std::vector<NodeSpec>& nodes, int finished = -1) {
  Json workflow{{"metadata",
                 {{"name", name}, {"namespace", "default"}, {"creationTimestamp", sample_time(0)}}},
                {"spec", Json::object()},
                {"status",
                 {{"phase", phase},
                  {"startedAt", sample_time(0)},
                  {"finishedAt", nullptr},
                  {"progress", "0/1"}}}};
  if (finished >= 0) workflow["status"]["finishedAt"] = sample_time(finished);
  for (const NodeSpec& spec : nodes) {
    Json node{{"id", node_id(name, spec.name)},
              {"name", spec.name},
              {"displayName", display_name(name, spec.name)},
              {"type", spec.type},
              {"phase", spec.phase},
              {"startedAt", sample_time(spec.started)},
              {"finishedAt", nullptr}};
    if (spec.finished >= 0) node["finishedAt"] = sample_time(spec.finished);
    if (!spec.templ.empty()) node["templateName"] = spec.templ;
    if (!spec.boundary.empty()) node["boundaryID"] = node_id(name, spec.boundary);
    if (!spec.message.empty()) node["message"] = spec.message;
    for (const std::string& child : spec.children) node["children"].push_back(node_id(name, child));
    workflow["status"]["nodes"][node["id"].get<std::string>()] = node;
  }
  return workflow;
}

}  // namespace gantry::cli
