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
  bool own_create = false;
};

/// `/api/v1/PATH[/NAMESPACE]`.
std::string collection_of(const Session& session, const ResourceFamily& family);

/// Prints an object as `-o` says.
void show_resource(const ResourceFamily& family, const Json& object, const std::string& output);

/// Sends files as they are: POST creates what is in them, PUT changes it. The exit status.
int send_resources(Session& session, const ResourceFamily& family,
                   const std::vector<std::string>& files, bool strict, const std::string& output,
                   const char* method);

/// `get`, `list`, `update`, `delete`, `lint` and, unless the family has one of its own, `create`
/// under `parent`.
void add_resource_commands(Command& parent, Session& session, const ResourceFamily& family);

}  // namespace gantry::cli
