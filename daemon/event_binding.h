#pragma once

// What a WorkflowEventBinding makes of an event. Pure; worker thread. Semantics: argo-workflows
// server/event/dispatch/operation.go.

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/backend.h"
#include "base/error.h"
#include "daemon/resource.h"

namespace gantry {

/// A workflow to be submitted.
struct Triggered {
  api::ResourceKind kind = api::ResourceKind::WorkflowTemplate;  ///< of the template
  std::string template_name;
  std::string name, generate_name;  ///< "" where the template's name decides
  std::map<std::string, std::string> labels, annotations;
  std::vector<std::pair<std::string, std::string>> parameters;
};

/// Nothing when the selector is false or the binding submits nothing. `event.name_space` is the
/// binding's.
Result<std::optional<Triggered>> evaluate_binding(const Resource& binding, const api::Event& event);

/// Whether the expressions of a binding can be read; the first that cannot.
Result<void> check_binding(const std::string& json);

}  // namespace gantry
