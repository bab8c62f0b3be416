#pragma once

// The WorkflowTemplates and ClusterWorkflowTemplates that one compilation has read.

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "workflow/argo/spec.h"
#include "workflow/document.h"
#include "workflow/library.h"

namespace gantry::workflow::argo {

class Libraries {
 public:
  /// `library` may be null: then there are no templates. It must outlive this.
  /// `lint`: what this host cannot run is no error of theirs.
  explicit Libraries(const TemplateLibrary* library, bool lint) : library_(library), lint_(lint) {}

  struct Loaded {
    std::shared_ptr<const std::string> text;
    Document document;
    const Node* root = nullptr;  ///< the whole object
    Workflow object;             ///< read leniently, as the server reads what it has stored
    std::string error;           ///< the first thing that is wrong with it; empty: nothing
    std::string scope;           ///< "namespaced/NAME" or "cluster/NAME"
  };
  /// Null when there is no template of that name. Reads each once; what it gives stays.
  Loaded* load(std::string_view name, bool cluster_scope);

  /// To be laid under the templates of what is loaded from now on (spec.templateDefaults); null: nothing.
  void set_defaults(const Node* defaults) { defaults_ = defaults; }

  /// All that was loaded, as text, by scope.
  [[nodiscard]] std::map<std::string, std::string> texts() const;

 private:
  const TemplateLibrary* library_;
  bool lint_;
  const Node* defaults_ = nullptr;
  std::map<std::pair<bool, std::string>, std::unique_ptr<Loaded>> loaded_;
};

}  // namespace gantry::workflow::argo
