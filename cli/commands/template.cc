// `gantry template` and `gantry cluster-template`.

#include "cli/commands/commands.h"
#include "cli/commands/resource.h"
#include "cli/render/resource_view.h"

namespace gantry::cli {
namespace {

constexpr ResourceFamily kTemplates{"workflow-templates", "WorkflowTemplate",
                                    "workflow templates", true,
                                    template_view,        template_table};
constexpr ResourceFamily kClusterTemplates{"cluster-workflow-templates",
                                           "ClusterWorkflowTemplate",
                                           "cluster workflow templates",
                                           false,
                                           template_view,
                                           template_table};

}  // namespace

void add_template(Command& root, Session& session) {
  Command parent = root.add("template", "Workflow templates", "Objects");
  add_resource_commands(parent, session, kTemplates);
}

void add_cluster_template(Command& root, Session& session) {
  Command parent = root.add("cluster-template", "Workflow templates of all namespaces", "Objects");
  add_resource_commands(parent, session, kClusterTemplates);
}

}  // namespace gantry::cli
