#include "daemon/template_library.h"

namespace gantry {

std::shared_ptr<const std::string> TemplateSnapshot::find(std::string_view name,
                                                          bool cluster_scope) const {
  const TemplateIndex& index = cluster_scope ? *cluster_templates_ : *templates_;
  auto it = index.find({cluster_scope ? std::string() : name_space_, std::string(name)});
  return it == index.end() ? nullptr : it->second;
}

}  // namespace gantry
