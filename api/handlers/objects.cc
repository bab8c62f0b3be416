// Secrets and ConfigMaps as Kubernetes writes them. A secret's values go in and never come out: its
// answer has `keys: [{name, size}]` where a ConfigMap's has `data`.

#include <algorithm>

#include "api/body.h"
#include "api/handlers/handlers.h"
#include "api/selector.h"
#include "base/json_text.h"

namespace gantry::api {
namespace {

/// Kubernetes' limit for the sum of all values (pkg/apis/core MaxSecretSize).
constexpr std::size_t kMaxObjectSize = 1024 * 1024;

const char* kind_name(ObjectKind kind) {
  return kind == ObjectKind::Secret ? "Secret" : "ConfigMap";
}
const char* plural(ObjectKind kind) {
  return kind == ObjectKind::Secret ? "secrets" : "configmaps";
}

tl::unexpected<Error> invalid(std::string message) {
  return fail(Code::InvalidArgument, std::move(message));
}
tl::unexpected<Error> pass(Error error) { return tl::unexpected<Error>(std::move(error)); }

bool is_key(std::string_view key) {
  return !key.empty() && key.size() <= 253 && key != "." && key != ".." &&
         std::all_of(key.begin(), key.end(), [](unsigned char c) {
           return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.';
         });
}

Json shape(ObjectKind kind, const Object& object) {
  Json metadata = {
      {"name", object.name},
      {"namespace", object.name_space},
      {"creationTimestamp", object.created == Time{} ? Json() : Json(rfc3339(object.created))}};
  if (!object.labels.empty()) metadata["labels"] = object.labels;
  Json json = {{"apiVersion", "v1"}, {"kind", kind_name(kind)}, {"metadata", std::move(metadata)}};
  if (kind == ObjectKind::Secret) {
    json["keys"] = Json::array();
    for (const auto& [key, value] : object.data)
      json["keys"].push_back({{"name", key}, {"size", value.size()}});
    return json;
  }
  json["data"] = Json::object();
  for (const auto& [key, value] : object.data) {
    try {
      (void)Json(value).dump();  // throws when it is not UTF-8
      json["data"][key] = value;
    } catch (const Json::exception&) {
      json["binaryData"][key] = base64_encode(value);
    }
  }
  return json;
}

/// A map of strings at `field`, or nothing; base64 where `encoded`.
Result<void> read_data(const Json& body, const char* field, bool encoded, Object& out) {
  auto map = body.find(field);
  if (map == body.end() || map->is_null()) return {};
  if (!map->is_object()) return invalid(std::string(field) + " is not an object");
  for (const auto& [key, value] : map->items()) {
    std::string at = std::string(field) + "[" + key + "]";
    if (!is_key(key)) return invalid(at + ": a key has at most 253 of A-Z a-z 0-9 - _ .");
    if (!value.is_string()) return invalid(at + " is not a string");
    if (!encoded) {
      out.data[key] = value.get<std::string>();
      continue;
    }
    auto bytes = base64_decode(value.get_ref<const std::string&>());
    if (!bytes) return pass(std::move(bytes.error()).wrap(at));
    out.data[key] = std::move(*bytes);
  }
  return {};
}

/// `metadata.FIELD` as a string, "" when absent.
Result<std::string> read_metadata(const Json& metadata, const char* field) {
  auto value = metadata.find(field);
  if (value == metadata.end() || value->is_null()) return std::string();
  if (!value->is_string()) return invalid(std::string("metadata.") + field + " is not a string");
  return value->get<std::string>();
}

/// `name`: of the path, "" for a POST.
Result<Object> read_object(ObjectKind kind, const Request& request) {
  auto body = parse_object(request.body);
  if (!body) return pass(std::move(body.error()));
  if (auto given = body->find("kind"); given != body->end() && *given != kind_name(kind)) {
    return invalid("kind is " + json_text(*given) + ", wanted \"" + kind_name(kind) + "\"");
  }
  Json metadata = body->contains("metadata") ? (*body)["metadata"] : Json::object();
  if (!metadata.is_object()) return invalid("metadata is not an object");
  auto name = read_metadata(metadata, "name"), name_space = read_metadata(metadata, "namespace");
  if (!name) return pass(std::move(name.error()));
  if (!name_space) return pass(std::move(name_space.error()));

  Object object;
  object.name_space = request.name_space();
  if (!name_space->empty() && *name_space != object.name_space) {
    if (!object.name_space.empty()) {
      return invalid("metadata.namespace is \"" + *name_space + "\", the path says \"" +
                     object.name_space + "\"");
    }
    if (!is_dns_label(*name_space)) return invalid("\"" + *name_space + "\" is not a namespace");
    object.name_space = *name_space;
  }
  object.name = request.name().empty() ? *name : request.name();
  if (!name->empty() && *name != object.name) {
    return invalid("metadata.name is \"" + *name + "\", the path says \"" + object.name + "\"");
  }
  if (!is_dns_subdomain(object.name)) {
    return invalid(object.name.empty() ? "metadata.name is missing"
                                       : "\"" + object.name + "\" is not a name");
  }
  if (auto labels = metadata.find("labels"); labels != metadata.end() && !labels->is_null()) {
    if (!labels->is_object()) return invalid("metadata.labels is not an object");
    for (const auto& [key, value] : labels->items()) {
      if (!value.is_string()) return invalid("metadata.labels[" + key + "] is not a string");
      if (auto ok = check_label_key(key); !ok) return pass(std::move(ok.error()));
      if (auto ok = check_label_value(value.get_ref<const std::string&>()); !ok)
        return pass(std::move(ok.error()));
      object.labels[key] = value;
    }
  }
  if (auto immutable = body->find("immutable"); immutable != body->end() && *immutable == true) {
    return fail(Code::Unimplemented, "not supported yet: immutable");
  }
  bool secret = kind == ObjectKind::Secret;
  auto ok = read_data(*body, "data", secret, object);
  // stringData wins over data, as in Kubernetes.
  if (ok)
    ok = secret ? read_data(*body, "stringData", false, object)
                : read_data(*body, "binaryData", true, object);
  if (!ok) return pass(std::move(ok.error()));
  std::size_t size = 0;
  for (const auto& [key, value] : object.data) size += value.size();
  if (size > kMaxObjectSize) {
    return invalid(std::string(plural(kind)) + " \"" + object.name + "\" has " +
                   std::to_string(size) + " bytes, the limit is " + std::to_string(kMaxObjectSize));
  }
  return object;
}

void put(Backend& backend, Request& request, AnswerPtr answer, ObjectKind kind, bool replace) {
  auto object = read_object(kind, request);
  if (!object) return answer->fail(std::move(object.error()));
  object->created = request.received;
  backend.put_object(
      kind, std::move(*object), replace,
      reply_with<Object>(std::move(answer), [kind](const Object& o) { return shape(kind, o); }));
}

void list(Backend& backend, Request& request, AnswerPtr answer, ObjectKind kind) {
  backend.list_objects(
      kind, request.name_space(),
      reply_with<std::vector<Object>>(std::move(answer), [kind](std::vector<Object> objects) {
        Json items = Json::array();
        for (const Object& object : objects) items.push_back(shape(kind, object));
        return Json{{"items", std::move(items)}};
      }));
}

void get(Backend& backend, Request& request, AnswerPtr answer, ObjectKind kind) {
  backend.list_objects(kind, request.name_space(),
                       [kind, name = request.name(),
                        answer = std::move(answer)](Result<std::vector<Object>> objects) {
                         if (!objects) return answer->fail(std::move(objects.error()));
                         for (const Object& object : *objects) {
                           if (object.name == name) return answer->object(shape(kind, object));
                         }
                         answer->fail(Error{Code::NotFound, std::string(plural(kind)) + " \"" +
                                                                name + "\" not found"});
                       });
}

void remove(Backend& backend, Request& request, AnswerPtr answer, ObjectKind kind) {
  backend.remove_object(kind, request.name_space(), request.name(),
                        reply_with_object(std::move(answer)));
}

}  // namespace

void create_secret(Backend& backend, Request& request, AnswerPtr answer) {
  put(backend, request, std::move(answer), ObjectKind::Secret, false);
}
void replace_secret(Backend& backend, Request& request, AnswerPtr answer) {
  put(backend, request, std::move(answer), ObjectKind::Secret, true);
}
void list_secrets(Backend& backend, Request& request, AnswerPtr answer) {
  list(backend, request, std::move(answer), ObjectKind::Secret);
}
void get_secret(Backend& backend, Request& request, AnswerPtr answer) {
  get(backend, request, std::move(answer), ObjectKind::Secret);
}
void delete_secret(Backend& backend, Request& request, AnswerPtr answer) {
  remove(backend, request, std::move(answer), ObjectKind::Secret);
}
void create_config_map(Backend& backend, Request& request, AnswerPtr answer) {
  put(backend, request, std::move(answer), ObjectKind::ConfigMap, false);
}
void replace_config_map(Backend& backend, Request& request, AnswerPtr answer) {
  put(backend, request, std::move(answer), ObjectKind::ConfigMap, true);
}
void list_config_maps(Backend& backend, Request& request, AnswerPtr answer) {
  list(backend, request, std::move(answer), ObjectKind::ConfigMap);
}
void get_config_map(Backend& backend, Request& request, AnswerPtr answer) {
  get(backend, request, std::move(answer), ObjectKind::ConfigMap);
}
void delete_config_map(Backend& backend, Request& request, AnswerPtr answer) {
  remove(backend, request, std::move(answer), ObjectKind::ConfigMap);
}

}  // namespace gantry::api
