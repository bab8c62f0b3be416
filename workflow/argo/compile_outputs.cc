// What a template gives, and how often it is tried.

#include <algorithm>

#include "workflow/argo/compiler.h"
#include "workflow/quantity.h"

namespace gantry::workflow::argo {

std::optional<workflow::RetryStrategy> Compiler::retry(const argo::RetryStrategy& written,
                                                       const std::string& where) {
  if (!written.set) return std::nullopt;
  const OwnChecks own(*this);
  workflow::RetryStrategy retry;
  retry.limit = optional_text(written.limit, where + ".limit");
  const std::string_view limit = written.limit.value;
  if (retry.limit && retry.limit->is_literal() && (!is_integer(limit) || limit.front() == '-')) {
    error(written.limit.at,
          where + ".limit must be a number that is not negative, found \"" + std::string(limit) +
              "\"");
  }
  const std::string_view policy = written.retry_policy.value;
  using Policy = workflow::RetryStrategy::Policy;
  constexpr std::pair<std::string_view, Policy> kPolicies[] = {
      {"", Policy::OnFailure},
      {"OnFailure", Policy::OnFailure},
      {"OnError", Policy::OnError},
      {"Always", Policy::Always},
      {"OnTransientError", Policy::OnTransientError}};
  const auto* known = std::find_if(std::begin(kPolicies), std::end(kPolicies),
                                   [&](const auto& pair) { return pair.first == policy; });
  if (known != std::end(kPolicies)) {
    retry.policy = known->second;
  } else {
    diagnostics_.error(written.retry_policy.at,
          where + ".retryPolicy: " + std::string(policy) + " is not a valid RetryPolicy");
  }
  retry.expression = formula(written.expression, where + ".expression");
  // With an expression and no policy it is the expression alone that decides.
  if (retry.expression && policy.empty()) retry.policy = Policy::Always;
  if (written.backoff.set) {
    const argo::Backoff& from = written.backoff;
    workflow::Backoff backoff{.duration = optional_text(from.duration, where + ".backoff.duration"),
                              .factor = optional_text(from.factor, where + ".backoff.factor"),
                              .cap = optional_text(from.cap, where + ".backoff.cap"),
                              .max_duration = optional_text(from.max_duration, where + ".backoff.maxDuration")};
    const auto duration = [&](const Str& field, std::string_view name) {
      if (field.empty() || field.value.find("{{") != std::string_view::npos) return;
      if (!parse_duration_or_seconds(field.value)) {
        error(field.at, where + ".backoff." + std::string(name) + ": \"" + std::string(field.value) +
                            "\" is no duration (for example 10, 30s, 1h30m)");
      }
    };
    duration(from.duration, "duration");
    duration(from.cap, "cap");
    duration(from.max_duration, "maxDuration");
    if (from.duration.empty() && !from.flawed) error(from.at, where + ".backoff.duration is required");
    retry.backoff = std::move(backoff);
  }
  return retry;
}

void Compiler::outputs(const argo::Template& written, workflow::Template& out, const std::string& where) {
  check_names(written.outputs.parameters.value, where, true);
  const std::string_view kind = written.container.set ? "Container"
                                : written.script.set  ? "Script"
                                : written.dag.set     ? "DAG"
                                : written.suspend.set ? "Suspend"
                                                      : "Steps";
  for (const Parameter& parameter : written.outputs.parameters.value) {
    const std::string name = where + "." + std::string(parameter.name.value);
    const ValueFrom& from = parameter.value_from;
    OutputParameter output;
    output.name = parameter.name.value;
    output.at = parameter.at;
    output.value = optional_text(parameter.value, name + ".value");
    output.default_value = optional_text(from.default_value, name + ".valueFrom.default");
    if (!from.path.empty()) output.path = text(from.path, name + ".valueFrom.path");
    if (!from.parameter.empty())
      output.parameter = text(from.parameter, name + ".valueFrom.parameter");
    output.expression = formula(from.expression, name + ".valueFrom.expression");
    output.supplied = from.supplied;
    if (!parameter.global_name.empty()) output.global_name = text(parameter.global_name, name + ".globalName");
    const int sources = output.path.has_value() + output.parameter.has_value() + output.expression.has_value() +
                        output.supplied;

    if (parameter.flawed || from.flawed) {
      // what is missing or too much may be what was refused
    } else if (from.set && parameter.value.set) {
      error(parameter.at, name + " has both valueFrom and value specified, choose one");
    } else if (!from.set && !parameter.value.set) {
      error(parameter.at, name + " does not have valueFrom or value specified");
    } else if (sources > 1) {
      error(from.at, name +
                         ": multiple valueFrom types specified. choose one of: path, jqFilter, "
                         "jsonPath, parameter, raw");
    } else if (from.set && sources == 0) {
      error(from.at, name +
                         ": valueFrom type unspecified. choose one of: path, jqFilter, jsonPath, "
                         "parameter, raw, expression");
    } else if (from.set && written.is_pod() && !output.path && (options_.lint || !output.expression)) {
      error(from.at, name + ".path must be specified for " + std::string(kind) + " templates");
    } else if (from.set && written.suspend.set && !output.supplied && !output.expression) {
      own_error(from.at, name + ".supplied must be specified for Suspend templates");
    } else if (from.set && written.is_graph() && !output.parameter && !output.expression) {
      error(from.at, name + ".parameter or expression must be specified for " + std::string(kind) +
                         " templates");
    }
    out.outputs.push_back(std::move(output));
  }
}

}  // namespace gantry::workflow::argo
