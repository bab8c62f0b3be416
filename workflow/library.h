#pragma once

// The WorkflowTemplates and ClusterWorkflowTemplates that a workflow may refer to, as they are at one moment.

#include <memory>
#include <string>
#include <string_view>

namespace gantry::workflow {

/// A snapshot: what it gives does not change while somebody holds it. Any thread.
class TemplateLibrary {
 public:
  virtual ~TemplateLibrary() = default;
  /// The whole object (apiVersion, kind, metadata, spec) as JSON or YAML text, or null when there is none of that name.
  /// `cluster_scope`: a ClusterWorkflowTemplate; else a WorkflowTemplate of the workflow's namespace.
  [[nodiscard]] virtual std::shared_ptr<const std::string> find(std::string_view name, bool cluster_scope) const = 0;
};

}  // namespace gantry::workflow
