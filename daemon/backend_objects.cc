// Secrets and ConfigMaps: in the store and, for pods, in memory.

#include <utility>

#include "daemon/backend.h"
#include "daemon/engine/locks.h"
#include "daemon/names.h"

namespace gantry {

using api::Json;
using api::Object;
using api::ObjectKind;

/// Kubernetes' bound on the data of one object (core/v1 MaxSecretSize).
constexpr std::size_t kLargestObject = 1 << 20;

/// Values of Secrets go in and never come out.
static Object shown(ObjectKind kind, Object object) {
  if (kind == ObjectKind::Secret) {
    for (auto& [key, value] : object.data) value.clear();
  }
  return object;
}

static Result<void> check(ObjectKind kind, const Object& object) {
  if (auto valid = check_namespace(object.name_space); !valid) return valid;
  const char* resource = kind == ObjectKind::Secret ? "Secret" : "ConfigMap";
  if (auto valid = check_object_name(resource, object.name); !valid) return valid;
  std::size_t size = 0;
  for (const auto& [key, value] : object.data) {
    if (auto valid = check_object_key(key); !valid) return valid;
    size += value.size();
  }
  if (size > kLargestObject) {
    return fail(Code::InvalidArgument, std::string(resource) + " \"" + object.name +
                                           "\" is invalid: data: Too long: must have at most "
                                           "1048576 bytes");
  }
  return {};
}

void DaemonBackend::put_object(ObjectKind kind, Object object, bool replace,
                               api::Reply<Object> reply) {
  if (auto valid = check(kind, object); !valid) return reply(fail(valid.error()));
  object.created = daemon_.now();
  const Object* old = daemon_.objects().find(kind, object.name_space, object.name);
  if (replace && old != nullptr) object.created = old->created;
  Object stored = object;
  daemon_.store().put_object(
      kind, std::move(stored), replace,
      [this, kind, object = std::move(object), reply = std::move(reply)](const Result<void>& done) {
        if (!done) return reply(fail(done.error()));
        daemon_.objects().put(kind, object);
        reply(shown(kind, object));
      });
}

static_assert(api::kSyncLimits == engine::kSyncLimits);

void DaemonBackend::edit_config_map(const std::string& name_space, const std::string& name, Edit edit,
                                    api::Reply<Object> reply) {
  edits_.push_back([this, name_space, name, edit = std::move(edit), reply = std::move(reply)] {
    auto done = [this, reply](Result<Object> object) {
      reply(std::move(object));
      edits_.pop_front();
      if (!edits_.empty()) next_edit();
    };
    const Object* old = daemon_.objects().find(ObjectKind::ConfigMap, name_space, name);
    Object object = old != nullptr ? *old : Object{.name_space = name_space, .name = name};
    if (auto edited = edit(object); !edited) return done(fail(std::move(edited.error())));
    put_object(ObjectKind::ConfigMap, std::move(object), old != nullptr, std::move(done));
  });
  if (edits_.size() == 1) next_edit();
}

void DaemonBackend::next_edit() {
  const auto edit = std::move(edits_.front());  // which leaves the queue when it is done, perhaps in this call
  edit();
}

void DaemonBackend::list_objects(ObjectKind kind, const std::string& name_space,
                                 api::Reply<std::vector<Object>> reply) {
  std::vector<Object> objects;
  for (const Object* object : daemon_.objects().list(kind, name_space)) {
    objects.push_back(shown(kind, *object));
  }
  reply(std::move(objects));
}

void DaemonBackend::remove_object(ObjectKind kind, const std::string& name_space,
                                  const std::string& name, api::Reply<Json> reply) {
  daemon_.store().remove_object(
      kind, name_space, name,
      [this, kind, name_space, name, reply = std::move(reply)](const Result<void>& done) {
        if (!done) return reply(fail(done.error()));
        daemon_.objects().remove(kind, name_space, name);
        reply(Json::object());
      });
}

}  // namespace gantry
