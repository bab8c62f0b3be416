#pragma once

// The variables that a text of a workflow sees while it is rendered, by where it stands (argo-workflows
// docs/variables.md).

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "daemon/engine/call.h"
#include "workflow/expr/facts.h"
#include "workflow/text.h"

namespace gantry::engine {

/// The facts of a moment. Random bits are a function of `seed`, so that a restored run draws the same ones.
workflow::expr::Facts facts_at(Time now, std::string_view seed);

/// workflow.*
std::optional<std::string> workflow_variable(const Live& live, std::string_view name, Time now);

/// What is known outside of every template: workflow.*
class RunScope : public workflow::Scope {
 public:
  RunScope(const Live& live, Time now) : live_(live), now_(now) {}
  [[nodiscard]] std::optional<std::string> lookup(std::string_view name) const override;
  void for_each_below(std::string_view name,
                      const std::function<void(std::string_view, std::optional<std::string>)>& visit) const override;
  [[nodiscard]] const workflow::expr::Facts& facts() const override;

 private:
  const Live& live_;
  Time now_;
  mutable std::optional<workflow::expr::Facts> facts_;
};

/// For a hook: the step or task that it belongs to, which its arguments and its expression may name.
struct TaskNode {
  Index task = kNone;
  const Node* node = nullptr;
  bool lenient = false;  ///< declared outputs that it did not write are empty
};

/// What a text in a template sees: workflow.*, inputs.*, its own names, and for the arguments of a graph's tasks what
/// the earlier tasks offer.
class CallScope : public workflow::Scope {
 public:
  CallScope(Live& live, const Call& call, Time now, const workflow::Item* item = nullptr, TaskNode own = {})
      : live_(live), call_(call), now_(now), item_(item), own_(own) {}
  [[nodiscard]] std::optional<std::string> lookup(std::string_view name) const override;
  /// What a text in the template of another call of the same run sees at the same time.
  [[nodiscard]] CallScope at(const Call& call) const { return {live_, call, now_}; }
  /// True when `name` is an output of a skipped or omitted task without a default.
  [[nodiscard]] bool is_absent(std::string_view name) const override;
  void for_each_below(std::string_view name,
                      const std::function<void(std::string_view, std::optional<std::string>)>& visit) const override;
  [[nodiscard]] const workflow::expr::Facts& facts() const override;

 private:
  std::optional<std::string> task_variable(std::string_view name, bool& absent) const;
  [[nodiscard]] std::string path_of(const workflow::Text& path) const;

  Live& live_;
  const Call& call_;
  Time now_;
  const workflow::Item* item_;
  TaskNode own_;
  mutable std::optional<workflow::expr::Facts> facts_;
};

/// Renders one text. The error is Argo's: `unable to substitute {{x}}: output is an absent optional …` for an absent
/// output, else Text's own.
Result<std::string> render(const workflow::Text& text, const CallScope& scope);
/// A text that holds a number of seconds or a Go duration, rendered; nothing when it is absent or empty.
Result<std::optional<Duration>> duration_of(const std::optional<workflow::Text>& text, const CallScope& scope);

/// JSON text of a list of parameters, as `inputs.parameters` and `outputs.parameters` give it.
/// `declared`: of inputs and arguments, whose other fields stand in it too.
std::string parameters_json(const std::vector<Parameter>& parameters,
                            const std::vector<workflow::InputParameter>& declared = {});

}  // namespace gantry::engine
