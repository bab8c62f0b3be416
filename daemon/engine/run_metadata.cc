// spec.workflowMetadata: what a run is labelled with when it is accepted (argo-workflows workflow/controller/operator.go
// updateWorkflowMetadata).

#include <algorithm>

#include "daemon/engine/impl.h"

namespace gantry::engine {

/// Kubernetes' values of labels (apimachinery pkg/util/validation IsValidLabelValue); empty: a good one.
static std::string flaw_of_label(std::string_view value) {
  if (value.size() > 63) return "must be no more than 63 characters";
  const auto is_alphanumeric = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  };
  const bool good = value.empty() || (is_alphanumeric(value.front()) && is_alphanumeric(value.back()) &&
                                      std::all_of(value.begin(), value.end(), [&](char c) {
                                        return is_alphanumeric(c) || c == '-' || c == '_' || c == '.';
                                      }));
  return good ? ""
              : "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must "
                "start and end with an alphanumeric character";
}

Result<void> Engine::Impl::label_run(Live& live) {
  const workflow::RunMetadata& metadata = live.run.plan->metadata;
  RunInfo& info = live.run.info;
  const auto label = [&](const std::string& name, const std::string& value, const std::string& of) -> Result<void> {
    if (auto flaw = flaw_of_label(value); !flaw.empty()) {
      return fail(Code::InvalidArgument, "invalid label value \"" + value + "\" for label \"" + name + "\"" + of + ": " + flaw);
    }
    info.labels[name] = value;
    return {};
  };
  for (const auto& [name, value] : metadata.labels) {
    if (auto done = label(name, value, ""); !done) return done;
  }
  for (const auto& [name, value] : metadata.annotations) info.annotations[name] = value;
  for (const auto& [name, expression, source] : metadata.labels_from) {
    auto value = evaluate(expression, RunScope(live, now_));
    if (!value) {
      return fail(std::move(value.error())
                      .wrap("failed to evaluate label \"" + name + "\" expression \"" + source + "\""));
    }
    if (!value->is(workflow::expr::Kind::String)) {
      return fail(Code::InvalidArgument, "failed to evaluate label \"" + name + "\" expression \"" + source +
                                             "\" evaluted to " + std::string(workflow::expr::go_type(*value)) +
                                             " but must be a string");
    }
    auto text = workflow::expr::to_text(*value);
    if (!text) return fail(std::move(text.error()));
    auto done = label(name, *text, " and expression \"" + source + "\"");
    if (!done) return done;
  }
  return {};
}

}  // namespace gantry::engine
