#include "daemon/resource.h"

namespace gantry {

const ResourceNames& names_of(api::ResourceKind kind) {
  static constexpr ResourceNames kNames[] = {
      {"WorkflowTemplate", "workflowtemplates"},
      {"ClusterWorkflowTemplate", "clusterworkflowtemplates"},
      {"CronWorkflow", "cronworkflows"},
      {"WorkflowEventBinding", "workfloweventbindings"},
  };
  return kNames[static_cast<std::size_t>(kind)];
}

static std::string full_name(api::ResourceKind kind, std::string_view name) {
  return std::string(names_of(kind).plural) + ".argoproj.io \"" + std::string(name) + "\"";
}

Error resource_not_found(api::ResourceKind kind, std::string_view name) {
  return {Code::NotFound, full_name(kind, name) + " not found"};
}

Error resource_exists(api::ResourceKind kind, std::string_view name) {
  return {Code::AlreadyExists, full_name(kind, name) + " already exists"};
}

}  // namespace gantry
