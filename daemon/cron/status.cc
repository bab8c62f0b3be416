#include "daemon/cron/status.h"

#include <algorithm>

#include "base/json_text.h"

namespace gantry::cron {

using Json = nlohmann::json;

void Status::set(std::string_view type, std::string message) {
  auto it = std::find_if(conditions.begin(), conditions.end(),
                         [&](const Condition& c) { return c.type == type; });
  if (it != conditions.end()) {
    it->message = std::move(message);
  } else {
    conditions.push_back({std::string(type), std::move(message)});
  }
}

void Status::clear(std::string_view type) {
  std::erase_if(conditions, [&](const Condition& c) { return c.type == type; });
}

std::string to_text(const Status& status) {
  Json json{{"started", status.started},
            {"stopped", status.stopped},
            {"succeeded", status.succeeded},
            {"failed", status.failed},
            {"lastUsedSchedule", status.last_used_schedule},
            {"schedule", status.schedule},
            {"since", status.since.time_since_epoch().count()},
            {"active", Json::array()},
            {"conditions", Json::array()}};
  if (status.last_scheduled) {
    json["lastScheduled"] = status.last_scheduled->time_since_epoch().count();
  }
  for (const auto& ref : status.active) json["active"].push_back({ref.uid, ref.name});
  for (const auto& condition : status.conditions) {
    json["conditions"].push_back({condition.type, condition.message});
  }
  return json_text(json);
}

Status read_status(const std::string& text) {
  // nlohmann's accessors throw; this is the one place where that is turned into a value.
  try {
    Status status;
    if (text.empty()) return status;
    Json json = Json::parse(text);
    status.started = json.at("started");
    status.stopped = json.at("stopped");
    status.succeeded = json.at("succeeded");
    status.failed = json.at("failed");
    status.last_used_schedule = json.at("lastUsedSchedule");
    status.schedule = json.at("schedule");
    status.since = Time(Duration(json.at("since").get<std::int64_t>()));
    if (json.contains("lastScheduled")) {
      status.last_scheduled = Time(Duration(json["lastScheduled"].get<std::int64_t>()));
    }
    for (const Json& ref : json.at("active")) status.active.push_back({ref.at(0), ref.at(1)});
    for (const Json& condition : json.at("conditions")) {
      status.conditions.push_back({condition.at(0), condition.at(1)});
    }
    return status;
  } catch (const Json::exception&) {
    return {};
  }
}

Json status_json(const Status& status, const std::string& name_space) {
  Json json{
      {"active", Json::array()},
      {"conditions", Json::array()},
      {"succeeded", status.succeeded},
      {"failed", status.failed},
      {"phase", status.stopped   ? "Stopped"
                : status.started ? "Active"
                                 : ""},
      {"lastScheduledTime", status.last_scheduled ? Json(rfc3339(*status.last_scheduled)) : Json()},
  };
  for (const auto& ref : status.active) {
    json["active"].push_back({{"apiVersion", "argoproj.io/v1alpha1"},
                              {"kind", "Workflow"},
                              {"name", ref.name},
                              {"namespace", name_space},
                              {"uid", ref.uid}});
  }
  for (const auto& condition : status.conditions) {
    json["conditions"].push_back(
        {{"type", condition.type}, {"status", "True"}, {"message", condition.message}});
  }
  return json;
}

}  // namespace gantry::cron
