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
      {"POST", "/api/v1/workflows/{namespace}/submit", not_supported_yet},
      {"GET", "/api/v1/workflows", list_workflows},
      {"GET", "/api/v1/workflows/{namespace}", list_workflows},
      {"GET", "/api/v1/workflows/{namespace}/{name}", get_workflow},
      {"DELETE", "/api/v1/workflows/{namespace}/{name}", delete_workflow},
      {"PUT", "/api/v1/workflows/{namespace}/{name}/stop", stop_workflow},
      {"PUT", "/api/v1/workflows/{namespace}/{name}/terminate", terminate_workflow},
      {"PUT", "/api/v1/workflows/{namespace}/{name}/retry", not_supported_yet},
      {"PUT", "/api/v1/workflows/{namespace}/{name}/resubmit", not_supported_yet},
      {"PUT", "/api/v1/workflows/{namespace}/{name}/suspend", not_supported_yet},
      {"PUT", "/api/v1/workflows/{namespace}/{name}/resume", not_supported_yet},
      {"PUT", "/api/v1/workflows/{namespace}/{name}/set", not_supported_yet},
      {"GET", "/api/v1/workflow-events/{namespace}", watch_workflows},
      {"GET", "/api/v1/workflows/{namespace}/{name}/log", workflow_logs},
      {"GET", "/api/v1/workflows/{namespace}/{name}/{podName}/log", workflow_logs},

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

      // What Argo serves besides.
      {"*", "/api/v1/workflow-templates/{rest...}", not_supported_yet},
      {"*", "/api/v1/cluster-workflow-templates/{rest...}", not_supported_yet},
      {"*", "/api/v1/cron-workflows/{rest...}", not_supported_yet},
      {"*", "/api/v1/archived-workflows/{rest...}", not_supported_yet},
      {"*", "/api/v1/archived-workflows-label-keys", not_supported_yet},
      {"*", "/api/v1/archived-workflows-label-values", not_supported_yet},
      {"*", "/api/v1/events/{rest...}", not_supported_yet},
      {"*", "/api/v1/workflow-event-bindings/{rest...}", not_supported_yet},
      {"*", "/api/v1/stream/{rest...}", not_supported_yet},
      {"*", "/api/v1/sync/{rest...}", not_supported_yet},
      {"*", "/api/v1/event-sources/{rest...}", not_supported_yet},
      {"*", "/api/v1/sensors/{rest...}", not_supported_yet},
      {"*", "/artifacts/{rest...}", not_supported_yet},
      {"*", "/artifacts-by-uid/{rest...}", not_supported_yet},
      {"*", "/input-artifacts/{rest...}", not_supported_yet},
      {"*", "/input-artifacts-by-uid/{rest...}", not_supported_yet},
      {"*", "/artifact-files/{rest...}", not_supported_yet},
  });
  return kRoutes;
}

}  // namespace gantry::api
