#pragma once

// The variables that a text of a workflow sees while it is rendered, by where it stands (argo-workflows
// docs/variables.md).

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "daemon/engine/call.h"
#include "workflow/text.h"

namespace gantry::engine {

/// workflow.*
std::optional<std::string> workflow_variable(const Live& live, std::string_view name, Time now);

/// steps.X.* or tasks.X.* for X a task of `call`'s graph. `absent` is set when the variable is an output of a node that
/// was skipped or omitted and has no default.
std::optional<std::string> task_variable(Live& live, const Call& call, std::string_view name, bool& absent);

/// What a text in a template sees: workflow.*, inputs.*, its own names, and for the arguments of a graph's tasks what
/// the earlier tasks offer.
class CallScope : public workflow::Scope {
 public:
  CallScope(Live& live, const Call& call, Time now) : live_(live), call_(call), now_(now) {}
  [[nodiscard]] std::optional<std::string> lookup(std::string_view name) const override;
  /// True when `name` is an output of a skipped or omitted task without a default.
  [[nodiscard]] bool is_absent(std::string_view name) const;

 private:
  Live& live_;
  const Call& call_;
  Time now_;
};

/// Renders one text. The error is Argo's: `unable to substitute {{x}}: output is an absent optional …` for an absent
/// output, else Text's own.
Result<std::string> render(const workflow::Text& text, const CallScope& scope);

/// JSON text of a list of parameters, as `inputs.parameters` and `outputs.parameters` give it.
std::string parameters_json(const std::vector<Parameter>& parameters);

}  // namespace gantry::engine
