#pragma once

// The stored resources in memory, as the store has them. Loop thread.

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "api/backend.h"
#include "daemon/resource.h"
#include "daemon/template_library.h"

namespace gantry {

class Resources {
 public:
  /// Adds, or takes the place of the one of the same name.
  void put(Resource resource);
  void remove(api::ResourceKind kind, const std::string& name_space, const std::string& name);
  /// Valid until the next put or remove.
  [[nodiscard]] Resource* find(api::ResourceKind kind, const std::string& name_space,
                               const std::string& name);
  /// In order of namespace and name; empty namespace: all.
  [[nodiscard]] std::vector<const Resource*> list(api::ResourceKind kind,
                                                  const std::string& name_space) const;

  /// The templates that a workflow of `name_space` may refer to, as they are now. Costs two
  /// pointers; a change while somebody holds it copies the map of names, not the templates.
  [[nodiscard]] std::shared_ptr<const workflow::TemplateLibrary> library(
      const std::string& name_space) const;

  /// The next resourceVersion; never the same twice, not even after a restart.
  [[nodiscard]] std::int64_t next_version() { return ++version_; }
  void set_version(std::int64_t newest) { version_ = newest; }

 private:
  using Key = std::pair<std::string, std::string>;  // namespace, name
  void index(const Resource& resource, bool there);

  std::map<Key, Resource> kinds_[4];
  std::shared_ptr<TemplateIndex> templates_ = std::make_shared<TemplateIndex>();
  std::shared_ptr<TemplateIndex> cluster_templates_ = std::make_shared<TemplateIndex>();
  std::int64_t version_ = 0;
};

}  // namespace gantry
