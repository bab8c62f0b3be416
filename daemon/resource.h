#pragma once

// A stored WorkflowTemplate, ClusterWorkflowTemplate, CronWorkflow or WorkflowEventBinding.

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "api/backend.h"
#include "base/clock.h"

namespace gantry {

/// Names of a kind as objects, messages and paths spell it.
struct ResourceNames {
  std::string_view kind;    ///< WorkflowTemplate
  std::string_view plural;  ///< workflowtemplates
};
const ResourceNames& names_of(api::ResourceKind kind);

struct Resource {
  api::ResourceKind kind = api::ResourceKind::WorkflowTemplate;
  std::string name_space;  ///< "" for a ClusterWorkflowTemplate
  std::string name;
  std::string uid;
  Time created{};
  std::int64_t generation = 1;  ///< grows with every change of the spec
  std::int64_t version = 0;     ///< resourceVersion: grows with every change
  /// apiVersion, kind, metadata (what the user may set of it) and spec as JSON; shared with the
  /// libraries that compilations hold.
  std::shared_ptr<const std::string> json;
  std::string status;  ///< CronWorkflows: JSON of the daemon's own, "" at first

  /// As the user set them; read from `json`.
  std::map<std::string, std::string> labels;
};

/// A change of a resource's status. It does not create or revive the resource.
struct ResourceStatus {
  api::ResourceKind kind = api::ResourceKind::CronWorkflow;
  std::string name_space, name, uid;
  std::int64_t version = 0;
  std::string status;
};

/// `workflowtemplates.argoproj.io "x" not found`, and `… already exists`.
Error resource_not_found(api::ResourceKind kind, std::string_view name);
Error resource_exists(api::ResourceKind kind, std::string_view name);

}  // namespace gantry
