#include "daemon/resources.h"

namespace gantry {

using api::ResourceKind;

void Resources::index(const Resource& resource, bool there) {
  if (resource.kind != ResourceKind::WorkflowTemplate &&
      resource.kind != ResourceKind::ClusterWorkflowTemplate) {
    return;
  }
  auto& templates =
      resource.kind == ResourceKind::WorkflowTemplate ? templates_ : cluster_templates_;
  // Whoever holds the old one keeps it.
  if (templates.use_count() > 1) templates = std::make_shared<TemplateIndex>(*templates);
  Key key(resource.name_space, resource.name);
  if (there) {
    templates->insert_or_assign(std::move(key), resource.json);
  } else {
    templates->erase(key);
  }
}

void Resources::put(Resource resource) {
  index(resource, true);
  Key key(resource.name_space, resource.name);
  kinds_[static_cast<std::size_t>(resource.kind)].insert_or_assign(std::move(key),
                                                                   std::move(resource));
}

void Resources::remove(ResourceKind kind, const std::string& name_space, const std::string& name) {
  auto& map = kinds_[static_cast<std::size_t>(kind)];
  auto it = map.find({name_space, name});
  if (it == map.end()) return;
  index(it->second, false);
  map.erase(it);
}

Resource* Resources::find(ResourceKind kind, const std::string& name_space,
                          const std::string& name) {
  auto& map = kinds_[static_cast<std::size_t>(kind)];
  auto it = map.find({name_space, name});
  return it == map.end() ? nullptr : &it->second;
}

std::vector<const Resource*> Resources::list(ResourceKind kind,
                                             const std::string& name_space) const {
  std::vector<const Resource*> found;
  for (const auto& [key, resource] : kinds_[static_cast<std::size_t>(kind)]) {
    if (name_space.empty() || key.first == name_space) found.push_back(&resource);
  }
  return found;
}

std::shared_ptr<const workflow::TemplateLibrary> Resources::library(
    const std::string& name_space) const {
  return std::make_shared<TemplateSnapshot>(templates_, cluster_templates_, name_space);
}

}  // namespace gantry
