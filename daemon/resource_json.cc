#include "daemon/resource_json.h"

#include <string>

#include "base/clock.h"
#include "daemon/cron/status.h"

namespace gantry {

using api::Json;

api::Json resource_json(const Resource& resource) {
  Json object = Json::parse(*resource.json, nullptr, false);
  if (!object.is_object()) object = Json::object();
  Json& metadata = object["metadata"];
  metadata["name"] = resource.name;
  if (!resource.name_space.empty()) metadata["namespace"] = resource.name_space;
  metadata["uid"] = resource.uid;
  metadata["creationTimestamp"] = rfc3339(resource.created);
  metadata["generation"] = resource.generation;
  metadata["resourceVersion"] = std::to_string(resource.version);
  if (resource.kind == api::ResourceKind::CronWorkflow) {
    cron::Status status = cron::read_status(resource.status);
    if (!status.last_used_schedule.empty()) {
      metadata["annotations"][std::string(cron::kLastUsedSchedule)] = status.last_used_schedule;
    }
    if (status.stopped) metadata["labels"][std::string(cron::kCronCompletedLabel)] = "true";
    object["status"] = cron::status_json(status, resource.name_space);
  }
  return object;
}

}  // namespace gantry
