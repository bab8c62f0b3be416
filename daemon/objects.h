#pragma once

// Secrets and ConfigMaps in memory, as the store has them; and pods with references to them, made
// final.
//
// Loop thread. Values never go to the engine or into a node: only into the PodSpec that the runtime
// gets.

#include <map>
#include <string>
#include <vector>

#include "api/backend.h"
#include "base/error.h"
#include "daemon/engine/engine.h"
#include "runtime/pod.h"

namespace gantry {

/// The engine reads ConfigMaps of it; Secrets never reach the engine.
class Objects final : public engine::Objects {
 public:
  [[nodiscard]] Result<std::string> config_map(const std::string& name_space, const std::string& name,
                                               const std::string& key, bool parameter) const override;

  void put(api::ObjectKind kind, api::Object object);
  void remove(api::ObjectKind kind, const std::string& name_space, const std::string& name);
  [[nodiscard]] const api::Object* find(api::ObjectKind kind, const std::string& name_space,
                                        const std::string& name) const;
  /// In order of name; empty namespace: all.
  [[nodiscard]] std::vector<const api::Object*> list(api::ObjectKind kind,
                                                     const std::string& name_space) const;

  /// Replaces every EnvReference, fills every Files volume of the pod and turns its pull secrets
  /// into logins. What fails carries
  /// Kubernetes' words: `secret "x" not found`, `couldn't find key k in Secret ns/x` (kubernetes
  /// pkg/kubelet/kubelet_pods.go), `references non-existent secret key: k` (pkg/volume/secret). As
  /// there, envFrom yields to env, and a key that cannot be a variable's name is left out.
  Result<void> resolve(runtime::PodSpec& pod, const std::string& name_space) const;

  /// The value of one key of an object, in the same words; null: it is optional, and not there.
  [[nodiscard]] Result<const std::string*> value(const runtime::ObjectKey& key,
                                                 const std::string& name_space) const;

 private:
  using Key = std::pair<std::string, std::string>;  // namespace, name
  using Map = std::map<Key, api::Object>;
  [[nodiscard]] const Map& of(api::ObjectKind kind) const;
  Result<const api::Object*> look_up(const runtime::ObjectKey& key,
                                     const std::string& name_space) const;
  Result<void> resolve(runtime::ContainerSpec& container, const std::string& name_space) const;
  Result<void> resolve(runtime::Files& files, const std::string& name_space) const;

  Map secrets_, config_maps_;
};

}  // namespace gantry
