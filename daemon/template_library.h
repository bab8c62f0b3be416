#pragma once

// The library of templates that a compilation is given.

#include <map>
#include <memory>
#include <string>
#include <utility>

#include "workflow/library.h"

namespace gantry {

/// Namespace and name → the object as JSON. Not changed while a snapshot holds it.
using TemplateIndex =
    std::map<std::pair<std::string, std::string>, std::shared_ptr<const std::string>>;

/// What is stored at one moment, seen from one namespace. Any thread.
class TemplateSnapshot final : public workflow::TemplateLibrary {
 public:
  TemplateSnapshot(std::shared_ptr<const TemplateIndex> templates,
                   std::shared_ptr<const TemplateIndex> cluster_templates, std::string name_space)
      : templates_(std::move(templates)),
        cluster_templates_(std::move(cluster_templates)),
        name_space_(std::move(name_space)) {}
  [[nodiscard]] std::shared_ptr<const std::string> find(std::string_view name,
                                                        bool cluster_scope) const override;

 private:
  std::shared_ptr<const TemplateIndex> templates_, cluster_templates_;
  std::string name_space_;
};

}  // namespace gantry
