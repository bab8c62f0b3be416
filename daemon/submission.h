#pragma once

// Workflows that are made of what is stored: the documents that then go the way of every workflow.
// Semantics: argo-workflows workflow/common/convert.go. Pure.

#include <map>
#include <string>

#include "api/backend.h"
#include "base/clock.h"
#include "base/error.h"
#include "daemon/resource.h"

namespace gantry {

inline constexpr std::string_view kCronLabel = "workflows.argoproj.io/cron-workflow";
inline constexpr std::string_view kTemplateLabel = "workflows.argoproj.io/workflow-template";
inline constexpr std::string_view kClusterTemplateLabel =
    "workflows.argoproj.io/cluster-workflow-template";
inline constexpr std::string_view kScheduledTime = "workflows.argoproj.io/scheduled-time";

/// The label of a workflow that says which template its spec.workflowTemplateRef names; nothing
/// when it has none (argo-workflows workflow/controller/operator.go setWfTemplateLabel).
void add_template_label(const std::string& spec_json, std::map<std::string, std::string>& labels);

/// A Workflow with a workflowTemplateRef. `kind` is one of the two templates.
std::string template_document(api::ResourceKind kind, const std::string& name);

/// The workflow of a CronWorkflow: with `name` as a scheduled one, else with a generated name.
/// Fails with DataLoss when the stored object cannot be read.
Result<std::string> cron_document(const Resource& cron, const std::string& name, Time scheduled);

/// Adds what spec.workflowMetadata of a template says, where nothing of the name is there yet.
void add_workflow_metadata(const Resource& resource, std::map<std::string, std::string>& labels,
                           std::map<std::string, std::string>& annotations);

}  // namespace gantry
