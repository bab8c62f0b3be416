#include "daemon/objects.h"

#include "daemon/registry_logins.h"

#include <set>
#include <utility>

namespace gantry {
namespace {

using runtime::ObjectKey;

api::ObjectKind kind_of(ObjectKey::Kind kind) {
  return kind == ObjectKey::Kind::Secret ? api::ObjectKind::Secret : api::ObjectKind::ConfigMap;
}
const char* resource_name(ObjectKey::Kind kind) {
  return kind == ObjectKey::Kind::Secret ? "secret" : "configmap";
}
const char* kind_name(ObjectKey::Kind kind) {
  return kind == ObjectKey::Kind::Secret ? "Secret" : "ConfigMap";
}

bool is_variable_name(const std::string& name) {
  return !name.empty() && name.find('=') == std::string::npos &&
         name.find('\0') == std::string::npos;
}

/// Whether a file's path stays below its volume (kubernetes pkg/apis/core/validation
/// validateLocalNonReservedPath).
bool is_local_path(const std::string& path) {
  if (path.empty() || path.front() == '/') return false;
  std::size_t start = 0;
  while (start <= path.size()) {
    std::size_t end = path.find('/', start);
    if (end == std::string::npos) end = path.size();
    if (path.compare(start, end - start, "..") == 0) return false;
    start = end + 1;
  }
  return true;
}

}  // namespace

const Objects::Map& Objects::of(api::ObjectKind kind) const {
  return kind == api::ObjectKind::Secret ? secrets_ : config_maps_;
}

/// The words are argo-workflows' (workflow/util GetConfigMapValue) and Kubernetes'.
Result<std::string> Objects::config_map(const std::string& name_space, const std::string& name,
                                        const std::string& key, bool parameter) const {
  const api::Object* object = find(api::ObjectKind::ConfigMap, name_space, name);
  if (object == nullptr) {
    return fail(Code::NotFound, "ConfigMap '" + name + "' does not exist. Please make sure it is in namespace '" +
                                    name_space + "' (configmaps \"" + name + "\" not found)");
  }
  constexpr const char* kTypeLabel = "workflows.argoproj.io/configmap-type";
  const auto label = object->labels.find(kTypeLabel);
  if (parameter && (label == object->labels.end() || label->second != "Parameter")) {
    return fail(Code::FailedPrecondition, "ConfigMap '" + name + "' needs to have the label '" + kTypeLabel +
                                              "': 'Parameter' to load parameters");
  }
  const auto value = object->data.find(key);
  if (value == object->data.end()) {
    return fail(Code::NotFound, "ConfigMap '" + name + "' does not have the key '" + key + "'");
  }
  return value->second;
}

void Objects::put(api::ObjectKind kind, api::Object object) {
  Map& map = kind == api::ObjectKind::Secret ? secrets_ : config_maps_;
  Key key(object.name_space, object.name);
  map.insert_or_assign(std::move(key), std::move(object));
}

void Objects::remove(api::ObjectKind kind, const std::string& name_space, const std::string& name) {
  Map& map = kind == api::ObjectKind::Secret ? secrets_ : config_maps_;
  map.erase({name_space, name});
}

const api::Object* Objects::find(api::ObjectKind kind, const std::string& name_space,
                                 const std::string& name) const {
  auto it = of(kind).find({name_space, name});
  return it == of(kind).end() ? nullptr : &it->second;
}

std::vector<const api::Object*> Objects::list(api::ObjectKind kind,
                                              const std::string& name_space) const {
  std::vector<const api::Object*> found;
  for (const auto& [key, object] : of(kind)) {
    if (name_space.empty() || key.first == name_space) found.push_back(&object);
  }
  return found;
}

Result<const api::Object*> Objects::look_up(const ObjectKey& key,
                                            const std::string& name_space) const {
  const api::Object* object = find(kind_of(key.kind), name_space, key.name);
  if (object == nullptr && !key.optional) {
    return fail(Code::NotFound,
                std::string(resource_name(key.kind)) + " \"" + key.name + "\" not found");
  }
  return object;
}

Result<const std::string*> Objects::value(const ObjectKey& key,
                                          const std::string& name_space) const {
  auto object = look_up(key, name_space);
  if (!object) return fail(std::move(object.error()));
  if (*object == nullptr) return nullptr;
  const auto found = (*object)->data.find(key.key);
  if (found != (*object)->data.end()) return &found->second;
  if (key.optional) return nullptr;
  return fail(Code::NotFound, "couldn't find key " + key.key + " in " + kind_name(key.kind) + " " +
                                  name_space + "/" + key.name);
}

Result<void> Objects::resolve(runtime::ContainerSpec& container,
                              const std::string& name_space) const {
  std::vector<runtime::EnvVar> whole, single;
  for (const runtime::EnvReference& reference : container.env_references) {
    const ObjectKey& from = reference.from;
    if (!from.key.empty()) {
      auto found = value(from, name_space);
      if (!found) return fail(std::move(found.error()));
      if (*found != nullptr) single.push_back({reference.name, **found});
      continue;
    }
    auto object = look_up(from, name_space);
    if (!object) return fail(std::move(object.error()));
    if (*object == nullptr) continue;
    for (const auto& [key, text] : (*object)->data) {
      std::string name = reference.name + key;
      if (is_variable_name(name)) whole.push_back({std::move(name), text});
    }
  }
  container.env_references.clear();
  // One value for each name: env wins over envFrom, the later envFrom over the earlier.
  for (auto& variable : single) container.env.push_back(std::move(variable));
  std::set<std::string> taken;
  for (const runtime::EnvVar& variable : container.env) taken.insert(variable.name);
  for (auto it = whole.rbegin(); it != whole.rend(); ++it) {
    if (taken.insert(it->name).second) container.env.push_back(std::move(*it));
  }
  return {};
}

Result<void> Objects::resolve(runtime::Files& files, const std::string& name_space) const {
  if (files.from.name.empty()) return {};
  auto object = look_up(files.from, name_space);
  if (!object) return fail(std::move(object.error()));
  files.files.clear();
  if (*object == nullptr) return {};
  const auto& data = (*object)->data;
  if (files.items.empty()) {
    for (const auto& [key, value] : data) files.files.push_back({key, value, files.default_mode});
  }
  for (const auto& item : files.items) {
    auto value = data.find(item.key);
    if (value == data.end()) {
      if (files.from.optional) continue;
      return fail(Code::NotFound,
                  std::string("references non-existent ") +
                      (files.from.kind == ObjectKey::Kind::Secret ? "secret" : "config") +
                      " key: " + item.key);
    }
    files.files.push_back({item.path, value->second, item.mode.value_or(files.default_mode)});
  }
  for (const auto& file : files.files) {
    if (!is_local_path(file.path)) {
      return fail(Code::InvalidArgument, "\"" + file.path +
                                             "\" must be a relative path that does not contain "
                                             "'..'");
    }
  }
  return {};
}

Result<void> Objects::resolve(runtime::PodSpec& pod, const std::string& name_space) const {
  for (const std::string& name : std::exchange(pod.image_pull_secrets, {})) {
    // As for the kubelet, a Secret that is not there is no error: the image may be there, or public.
    const api::Object* secret = find(api::ObjectKind::Secret, name_space, name);
    if (secret == nullptr) continue;
    auto logins = registry_logins(secret->data);
    if (!logins) return fail(std::move(logins.error()).wrap("image pull secret \"" + name + "\""));
    pod.logins.insert(pod.logins.end(), logins->begin(), logins->end());
  }
  for (runtime::ContainerSpec& container : pod.containers) {
    if (auto done = resolve(container, name_space); !done) return done;
  }
  for (runtime::Volume& volume : pod.volumes) {
    std::vector<runtime::Files*> sources;
    if (auto* files = std::get_if<runtime::Files>(&volume.source)) sources.push_back(files);
    if (auto* projected = std::get_if<runtime::Projected>(&volume.source)) {
      for (runtime::Files& files : projected->sources) sources.push_back(&files);
    }
    for (runtime::Files* files : sources) {
      if (auto done = resolve(*files, name_space); !done) {
        return fail(std::move(done.error()).wrap("volume \"" + volume.name + "\""));
      }
    }
  }
  return {};
}

}  // namespace gantry
