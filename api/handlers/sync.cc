// The limits of semaphores (argo-workflows server/sync): a key of a ConfigMap each. Those of `database` semaphores stand in
// the ConfigMap kSyncLimits.

#include "api/body.h"
#include "api/handlers/handlers.h"
#include "api/selector.h"
#include "base/json_text.h"

namespace gantry::api {
namespace {

constexpr const char* kConfigMap = "CONFIG_MAP";
constexpr const char* kDatabase = "DATABASE";

struct SyncLimit {
  std::string type = kConfigMap, config_map, key;
  std::int64_t limit = 0;
};

tl::unexpected<Error> invalid(std::string message) { return fail(Code::InvalidArgument, std::move(message)); }

Json shape(const SyncLimit& limit, const std::string& name_space) {
  Json json{{"type", limit.type}, {"namespace", name_space}, {"key", limit.key}, {"limit", limit.limit}};
  if (limit.type == kConfigMap) json["cmName"] = limit.config_map;
  return json;
}

/// What the request says of the limit that it is about: in the body of POST and PUT, else in the query.
Result<SyncLimit> read(const Request& request) {
  SyncLimit out;
  const bool in_body = request.method == "POST" || request.method == "PUT";
  Json fields = Json::object();
  if (in_body) {
    auto body = parse_object(request.body);
    if (!body) return tl::unexpected<Error>(std::move(body.error()));
    fields = std::move(*body);
    for (const auto& [name, value] : fields.items()) {
      if (name == "limit" ? !value.is_number_integer() : !value.is_string()) {
        return invalid(name + " is " + json_text(value) + ", wanted " + (name == "limit" ? "a whole number" : "a string"));
      }
      if (name != "type" && name != "namespace" && name != "cmName" && name != "key" && name != "limit") {
        return invalid("unknown field \"" + name + "\"; wanted type, namespace, cmName, key or limit");
      }
    }
  } else {
    for (const char* name : {"type", "cmName"}) fields[name] = request.query.text(name);
  }
  const auto text = [&](const char* name) { return fields.value(name, std::string()); };
  if (const std::string type = text("type"); !type.empty()) out.type = type;
  if (out.type != kConfigMap && out.type != kDatabase) {
    return invalid("type is \"" + out.type + "\", wanted CONFIG_MAP or DATABASE");
  }
  if (const std::string given = text("namespace"); !given.empty() && given != request.name_space()) {
    return invalid("namespace is \"" + given + "\", the path says \"" + request.name_space() + "\"");
  }
  out.config_map = out.type == kDatabase ? std::string(kSyncLimits) : text("cmName");
  if (out.config_map.empty()) return invalid("cmName is missing: the ConfigMap that holds the limit");
  if (!is_dns_subdomain(out.config_map)) return invalid("cmName: \"" + out.config_map + "\" is not a name");
  out.key = request.name().empty() ? text("key") : request.name();
  if (out.key.empty()) return invalid("key is missing");
  if (const std::string given = text("key"); !given.empty() && given != out.key) {
    return invalid("key is \"" + given + "\", the path says \"" + out.key + "\"");
  }
  if (!in_body) return out;
  if (!fields.contains("limit")) return invalid("limit is missing");
  out.limit = fields["limit"].get<std::int64_t>();
  if (out.limit <= 0) return invalid("limit is " + std::to_string(out.limit) + ", wanted at least 1");
  return out;
}

Error not_found(const SyncLimit& limit) {
  return Error{Code::NotFound, "there is no limit \"" + limit.key + "\" in the ConfigMap \"" + limit.config_map + "\""};
}

void put(Backend& backend, Request& request, AnswerPtr answer, bool is_new) {
  auto limit = read(request);
  if (!limit) return answer->fail(std::move(limit.error()));
  backend.edit_config_map(
      request.name_space(), limit->config_map,
      [limit = *limit, is_new](Object& object) -> Result<void> {
        const bool there = object.data.contains(limit.key);
        if (there && is_new) {
          return fail(Code::AlreadyExists, "the limit \"" + limit.key + "\" is in the ConfigMap \"" + limit.config_map + "\" already");
        }
        if (!there && !is_new) return fail(not_found(limit));
        object.data[limit.key] = std::to_string(limit.limit);
        return {};
      },
      reply_with<Object>(std::move(answer), [limit = *limit, name_space = request.name_space()](const Object&) {
        return shape(limit, name_space);
      }));
}

}  // namespace

void create_sync_limit(Backend& backend, Request& request, AnswerPtr answer) { put(backend, request, std::move(answer), true); }
void update_sync_limit(Backend& backend, Request& request, AnswerPtr answer) { put(backend, request, std::move(answer), false); }

void get_sync_limit(Backend& backend, Request& request, AnswerPtr answer) {
  auto limit = read(request);
  if (!limit) return answer->fail(std::move(limit.error()));
  backend.list_objects(
      ObjectKind::ConfigMap, request.name_space(),
      [limit = *limit, name_space = request.name_space(), answer = std::move(answer)](Result<std::vector<Object>> objects) mutable {
        if (!objects) return answer->fail(std::move(objects.error()));
        for (const Object& object : *objects) {
          const auto found = object.name == limit.config_map ? object.data.find(limit.key) : object.data.end();
          if (found == object.data.end()) continue;
          char* end = nullptr;
          limit.limit = std::strtoll(found->second.c_str(), &end, 10);
          if (found->second.empty() || *end != '\0') {
            return answer->fail(Error{Code::InvalidArgument, "\"" + found->second + "\" is no limit"});
          }
          return answer->object(shape(limit, name_space));
        }
        answer->fail(not_found(limit));
      });
}

void delete_sync_limit(Backend& backend, Request& request, AnswerPtr answer) {
  auto limit = read(request);
  if (!limit) return answer->fail(std::move(limit.error()));
  backend.edit_config_map(
      request.name_space(), limit->config_map,
      [limit = *limit](Object& object) -> Result<void> {
        if (object.data.erase(limit.key) == 0) return fail(not_found(limit));
        return {};
      },
      reply_with<Object>(std::move(answer), [](const Object&) { return Json::object(); }));
}

}  // namespace gantry::api
