#include "api/handlers/handlers.h"
#include "api/router.h"

namespace gantry::api {

const Router& all_routes() {
  using Body = Route::Body;
  static const Router kRoutes({
      {"GET", "/healthz", health},
      {"GET", "/api/v1/version", version},
      {"GET", "/api/v1/info", info},
      {"GET", "/api/v1/userinfo", user_info},
      {"POST", "/api/v1/tracking/event", tracking_event},

      // Argo's workflows.
      {"POST", "/api/v1/workflows/{namespace}", create_workflow},
      {"POST", "/api/v1/workflows/{namespace}/lint", lint_workflow},
      {"POST", "/api/v1/workflows/{namespace}/submit", submit_workflow},
      {"GET", "/api/v1/workflows", list_workflows},
      {"GET", "/api/v1/workflows/{namespace}", list_workflows},
      {"GET", "/api/v1/workflows/{namespace}/{name}", get_workflow},
      {"DELETE", "/api/v1/workflows/{namespace}/{name}", delete_workflow},
      {"PUT", "/api/v1/workflows/{namespace}/{name}/stop", command_workflow},
      {"PUT", "/api/v1/workflows/{namespace}/{name}/terminate", command_workflow},
      {"PUT", "/api/v1/workflows/{namespace}/{name}/retry", command_workflow},
      {"PUT", "/api/v1/workflows/{namespace}/{name}/resubmit", command_workflow},
      {"PUT", "/api/v1/workflows/{namespace}/{name}/suspend", command_workflow},
      {"PUT", "/api/v1/workflows/{namespace}/{name}/resume", command_workflow},
      {"PUT", "/api/v1/workflows/{namespace}/{name}/set", command_workflow},
      {"GET", "/api/v1/workflow-events/{namespace}", watch_workflows},
      {"GET", "/api/v1/workflows/{namespace}/{name}/log", workflow_logs},
      {"GET", "/api/v1/workflows/{namespace}/{name}/{podName}/log", workflow_logs},

      // The objects around workflows.
      {"POST", "/api/v1/workflow-templates/{namespace}", create_resource},
      {"PUT", "/api/v1/workflow-templates/{namespace}", update_resource},
      {"GET", "/api/v1/workflow-templates/{namespace}", list_resources},
      {"GET", "/api/v1/workflow-templates", list_resources},
      {"POST", "/api/v1/workflow-templates/{namespace}/lint", lint_resource},
      {"GET", "/api/v1/workflow-templates/{namespace}/{name}", get_resource},
      {"PUT", "/api/v1/workflow-templates/{namespace}/{name}", update_resource},
      {"DELETE", "/api/v1/workflow-templates/{namespace}/{name}", delete_resource},
      {"POST", "/api/v1/cluster-workflow-templates", create_resource},
      {"PUT", "/api/v1/cluster-workflow-templates", update_resource},
      {"GET", "/api/v1/cluster-workflow-templates", list_resources},
      {"POST", "/api/v1/cluster-workflow-templates/lint", lint_resource},
      {"GET", "/api/v1/cluster-workflow-templates/{name}", get_resource},
      {"PUT", "/api/v1/cluster-workflow-templates/{name}", update_resource},
      {"DELETE", "/api/v1/cluster-workflow-templates/{name}", delete_resource},
      {"POST", "/api/v1/cron-workflows/{namespace}", create_resource},
      {"PUT", "/api/v1/cron-workflows/{namespace}", update_resource},
      {"GET", "/api/v1/cron-workflows/{namespace}", list_resources},
      {"GET", "/api/v1/cron-workflows", list_resources},
      {"POST", "/api/v1/cron-workflows/{namespace}/lint", lint_resource},
      {"GET", "/api/v1/cron-workflows/{namespace}/{name}", get_resource},
      {"PUT", "/api/v1/cron-workflows/{namespace}/{name}", update_resource},
      {"DELETE", "/api/v1/cron-workflows/{namespace}/{name}", delete_resource},
      {"POST", "/api/v1/workflow-event-bindings/{namespace}", create_resource},
      {"PUT", "/api/v1/workflow-event-bindings/{namespace}", update_resource},
      {"GET", "/api/v1/workflow-event-bindings/{namespace}", list_resources},
      {"GET", "/api/v1/workflow-event-bindings", list_resources},
      {"POST", "/api/v1/workflow-event-bindings/{namespace}/lint", lint_resource},
      {"GET", "/api/v1/workflow-event-bindings/{namespace}/{name}", get_resource},
      {"PUT", "/api/v1/workflow-event-bindings/{namespace}/{name}", update_resource},
      {"DELETE", "/api/v1/workflow-event-bindings/{namespace}/{name}", delete_resource},
      {"PUT", "/api/v1/cron-workflows/{namespace}/{name}/suspend", suspend_cron},
      {"PUT", "/api/v1/cron-workflows/{namespace}/{name}/resume", suspend_cron},
      {"POST", "/api/v1/events/{namespace}/{discriminator...}", receive_event},

      {"POST", "/api/v1/sync/{namespace}", create_sync_limit},
      {"GET", "/api/v1/sync/{namespace}/{name}", get_sync_limit},
      {"PUT", "/api/v1/sync/{namespace}/{name}", update_sync_limit},
      {"DELETE", "/api/v1/sync/{namespace}/{name}", delete_sync_limit},

      // Artifacts.
      {"GET", "/artifacts/{namespace}/{name}/{nodeId}/{artifact}", output_artifact},
      {"GET", "/artifacts-by-uid/{uid}/{nodeId}/{artifact}", output_artifact},
      {"GET", "/input-artifacts/{namespace}/{name}/{nodeId}/{artifact}", input_artifact},
      {"GET", "/input-artifacts-by-uid/{uid}/{nodeId}/{artifact}", input_artifact},
      {"GET", "/artifact-files/{namespace}/{idDiscriminator}/{id}/{nodeId}/{artifactDiscriminator}/{artifact}",
       artifact_file},

      // Gantry's own.
      {"POST", "/api/v1/secrets/{namespace}", create_secret},
      {"GET", "/api/v1/secrets/{namespace}", list_secrets},
      {"GET", "/api/v1/secrets/{namespace}/{name}", get_secret},
      {"PUT", "/api/v1/secrets/{namespace}/{name}", replace_secret},
      {"DELETE", "/api/v1/secrets/{namespace}/{name}", delete_secret},
      {"POST", "/api/v1/configmaps/{namespace}", create_config_map},
      {"GET", "/api/v1/configmaps/{namespace}", list_config_maps},
      {"GET", "/api/v1/configmaps/{namespace}/{name}", get_config_map},
      {"PUT", "/api/v1/configmaps/{namespace}/{name}", replace_config_map},
      {"DELETE", "/api/v1/configmaps/{namespace}/{name}", delete_config_map},
      {"GET", "/api/v1/images", list_images},
      {"POST", "/api/v1/images/import", import_image, Body::Spool},
      {"POST", "/api/v1/images/pull", pull_image},
      {"DELETE", "/api/v1/images/{image...}", delete_image},
      {"GET", "/api/v1/workflows/{namespace}/{name}/events", workflow_history},
      {"GET", "/api/v1/admin/status", daemon_status},
      {"POST", "/api/v1/admin/drain", drain_daemon},
      {"POST", "/api/v1/admin/resume", resume_daemon},
      {"POST", "/api/v1/admin/check", check_store},
      {"POST", "/api/v1/admin/backup", backup_store},
      {"GET", "/api/v1/admin/audit", read_audit_log},

      // What Argo serves besides.
      {"*", "/api/v1/archived-workflows/{rest...}", not_supported_yet},
      {"*", "/api/v1/archived-workflows-label-keys", not_supported_yet},
      {"*", "/api/v1/archived-workflows-label-values", not_supported_yet},
      {"*", "/api/v1/stream/{rest...}", not_supported_yet},
      {"*", "/api/v1/event-sources/{rest...}", not_supported_yet},
      {"*", "/api/v1/sensors/{rest...}", not_supported_yet},
  });
  return kRoutes;
}

}  // namespace gantry::api
