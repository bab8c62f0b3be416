#pragma once

// Workflow templates, cluster workflow templates and cron workflows: what their command families
// share.

#include <functional>
#include <string>
#include <vector>

#include "cli/command_line.h"
#include "cli/session.h"

namespace gantry::cli {

/// One of the kinds, as paths and messages spell it, and how it is shown.
struct ResourceFamily {
  const char* path;   ///< workflow-templates
  const char* kind;   ///< WorkflowTemplate
  const char* words;  ///< workflow templates
  bool has_namespace;
  std::string (*view)(const Json& object);  ///< what get, create and update print
  std::string (*table)(const std::vector<Json>& objects, bool with_namespace);
};

/// `/api/v1/PATH[/NAMESPACE]`.
std::string collection_of(const Session& session, const ResourceFamily& family);

/// `create`, `get`, `list`, `update`, `delete` and `lint` under `parent`.
void add_resource_commands(Command& parent, Session& session, const ResourceFamily& family);

}  // namespace gantry::cli
