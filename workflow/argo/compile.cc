#include "workflow/argo/compile.h"

#include <algorithm>
#include <limits>

#include "workflow/argo/compiler.h"
#include "workflow/quantity.h"
#include "workflow/suggestion.h"

namespace gantry::workflow::argo {
namespace {

constexpr std::size_t kLongestName = 128;
constexpr std::string_view kTemplateKinds =
    "choose one of: container, containerSet, steps, script, resource, dag, suspend, template, "
    "template ref";

bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool is_integer(std::string_view text) {
  if (!text.empty() && (text.front() == '-' || text.front() == '+')) text.remove_prefix(1);
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

/// A count that is at least 1 and fits an Index.
std::optional<Index> positive_count(const Int& written) {
  if (written.value < 1) return std::nullopt;
  return static_cast<Index>(
      std::min<std::int64_t>(written.value, std::numeric_limits<Index>::max() - 1));
}

}  // namespace

std::string check_field_name(std::string_view name) {
  if (name.size() > kLongestName)
    return "must be no more than " + std::to_string(kLongestName) + " characters";
  const bool good =
      is_alphanumeric(name.front()) &&
      std::all_of(name.begin(), name.end(), [](char c) { return is_alphanumeric(c) || c == '-'; });
  return good ? ""
              : "name must consist of alpha-numeric characters or '-', and must start with an "
                "alpha-numeric "
                "character (e.g. My-name1-2, 123-NAME)";
}

std::string check_parameter_name(std::string_view name) {
  const bool good = std::all_of(name.begin(), name.end(),
                                [](char c) { return is_alphanumeric(c) || c == '-' || c == '_'; });
  return good ? ""
              : "Parameter/Artifact name must consist of alpha-numeric characters, '_' or '-' e.g. "
                "my_param_1, "
                "MY-PARAM-1";
}

PlanPtr compile(const Workflow& workflow, const Options& options, Diagnostics& diagnostics) {
  return Compiler(workflow, options, diagnostics).run();
}

PlanPtr Compiler::run() {
  template_names();
  arguments();
  spec();
  // Inputs of all templates first: calls are checked against them.
  plan_.templates.resize(spec_.templates.value.size());
  for (std::size_t i = 0; i < plan_.templates.size(); ++i)
    inputs(spec_.templates.value[i], plan_.templates[i]);
  for (std::size_t i = 0; i < plan_.templates.size(); ++i)
    template_body(spec_.templates.value[i], plan_.templates[i]);
  for (const workflow::Template& owner : plan_.templates) {
    if (owner.kind == workflow::Template::Kind::Graph && owner.body != kNone)
      captured_results(owner, plan_.graphs[owner.body]);
  }

  if (!spec_.entrypoint.empty()) {
    entry(spec_.entrypoint, "entrypoint", plan_.entrypoint, true);
  } else if (!spec_.flawed) {
    error(workflow_.spec.set ? spec_.at : workflow_.at, "spec.entrypoint is required");
  }
  if (!spec_.on_exit.empty()) entry(spec_.on_exit, "onExit", plan_.on_exit, false);
  return diagnostics_.has_errors() ? nullptr : std::make_shared<const Plan>(std::move(plan_));
}

void Compiler::template_names() {
  const auto& templates = spec_.templates.value;
  check_names(templates, "spec.templates", false);
  templates_.reserve(templates.size());
  for (std::size_t i = 0; i < templates.size(); ++i) {
    templates_.emplace(templates[i].name.value, static_cast<Index>(i));
  }
}

std::string Compiler::suggest_template(std::string_view name) const {
  std::vector<std::string_view> names;
  for (const argo::Template& one : spec_.templates.value) names.push_back(one.name.value);
  return did_you_mean(name, names);
}

std::optional<Index> Compiler::find_template(std::string_view name) const {
  const auto found = templates_.find(name);
  return found == templates_.end() ? std::nullopt : std::optional(found->second);
}

Text Compiler::text(const Str& written, std::string_view where) {
  if (written.value.find("{{") == std::string_view::npos)
    return Text::literal(std::string(written.value));
  auto parsed = Text::parse(written.value);
  if (parsed) return std::move(*parsed);
  const std::string& message = parsed.error().message;
  if (parsed.error().code == Code::Unimplemented) {
    error(written.at, message + " of " + std::string(where));
  } else {
    error(written.at, std::string(where) + ": " + message);
  }
  return {};
}

std::optional<Text> Compiler::optional_text(const Str& written, std::string_view where) {
  return written.set ? std::optional(text(written, where)) : std::nullopt;
}

void Compiler::arguments() {
  const auto& parameters = spec_.arguments.parameters.value;
  check_names(parameters, "spec.arguments.parameters", true);
  for (const Parameter& written : parameters) {
    const std::string name = "spec.arguments." + std::string(written.name.value);
    InputParameter out{.name = std::string(written.name.value),
                       .value = optional_text(written.value, name + ".value"),
                       .description = std::string(written.description.value),
                       .at = written.at};
    for (const AnyStr& allowed : written.allowed.value) out.allowed.emplace_back(allowed.value);
    if (written.value_from.set) {
      error(written.value_from.at,
            name + ".valueFrom only allows: default, configMapKeyRef and supplied");
    } else if (!written.value.set && !written.flawed && !options_.strict) {
      // A lint leaves this to the submitter, as Argo's does.
      error(written.at, name + ".value or " + name + ".valueFrom is required");
    }
    if (written.allowed.set && written.allowed.value.empty()) {
      error(written.allowed.at, name + ".enum should contain at least one value");
    } else if (written.allowed.set && written.value.set && out.value &&
               std::find(out.allowed.begin(), out.allowed.end(), out.value->source()) ==
                   out.allowed.end()) {
      error(written.value.at, name + ".value should be present in " + name + ".enum list");
    }
    plan_.arguments.push_back(std::move(out));
  }
}

void Compiler::spec() {
  if (spec_.parallelism.set) {
    plan_.parallelism = positive_count(spec_.parallelism);
    if (!plan_.parallelism)
      error(spec_.parallelism.at, "spec.parallelism must be greater than zero");
  }
  if (spec_.active_deadline_seconds.set) {
    plan_.active_deadline_seconds = spec_.active_deadline_seconds.value;
    if (spec_.active_deadline_seconds.value < 0) {
      error(spec_.active_deadline_seconds.at, "spec.activeDeadlineSeconds must not be negative");
    }
  }
  if (spec_.priority.set) {
    const std::int64_t priority = spec_.priority.value;
    plan_.priority = static_cast<std::int32_t>(priority);
    if (*plan_.priority != priority) error(spec_.priority.at, "spec.priority does not fit 32 bits");
  }
  plan_.suspend = spec_.suspend.value;
  plan_.service_account_name = spec_.service_account_name.value;
  plan_.security = security(spec_.security_context, "spec.securityContext");
  plan_.volumes = volumes(spec_.volumes, "spec.volumes");
  plan_.claim_templates = claims();
}

void Compiler::entry(const Str& name, std::string_view field, Index& to,
                     bool inputs_must_be_supplied) {
  const auto found = find_template(name.value);
  if (!found) {
    if (spec_.flawed && spec_.templates.value.empty()) return;  // they are in what was refused
    error(name.at, "spec." + std::string(field) + " template name '" + std::string(name.value) +
                       "' undefined" + suggest_template(name.value));
    return;
  }
  to = *found;
  for (const InputParameter& input : plan_.templates[to].inputs) {
    if (input.value || input.default_value) continue;
    const bool supplied =
        std::any_of(plan_.arguments.begin(), plan_.arguments.end(),
                    [&](const InputParameter& argument) { return argument.name == input.name; });
    if (supplied) continue;
    const std::string message = "templates." + plan_.templates[to].name + " inputs.parameters." +
                                input.name + " was not supplied";
    if (inputs_must_be_supplied) {
      error(input.at, message);
    } else {
      // Argo takes the workflow and finds out when the handler starts, so the file stays good.
      diagnostics_.warning(input.at, message + ", the exit handler will fail");
    }
  }
}

void Compiler::inputs(const argo::Template& written, workflow::Template& out) {
  out.name = written.name.value;
  out.at = written.at;
  const std::string where = "templates." + out.name + ".inputs.parameters";
  check_names(written.inputs.parameters.value, where, true);
  for (const Parameter& parameter : written.inputs.parameters.value) {
    const std::string name = where + "." + std::string(parameter.name.value);
    InputParameter input{.name = std::string(parameter.name.value),
                         .value = optional_text(parameter.value, name + ".value"),
                         .default_value = optional_text(parameter.default_value, name + ".default"),
                         .description = std::string(parameter.description.value),
                         .at = parameter.at};
    for (const AnyStr& allowed : parameter.allowed.value) input.allowed.emplace_back(allowed.value);
    if (parameter.value_from.set && !parameter.value_from.flawed) {
      error(parameter.value_from.at,
            name + ".valueFrom only allows: default, configMapKeyRef and supplied");
    }
    const bool refused = parameter.flawed || parameter.value_from.flawed;
    // Its value was refused already: say nothing of missing arguments.
    if (refused && !input.value) input.value = Text::literal("");
    out.inputs.push_back(std::move(input));
  }
}

void Compiler::template_kind(const argo::Template& written) {
  const std::string where = "templates." + std::string(written.name.value);
  const int kinds = written.container.set + written.script.set + written.steps.set +
                    written.dag.set + written.other_kinds;
  if (kinds == 0 && !written.flawed) {
    error(written.at, where + " template type unspecified. " + std::string(kTemplateKinds));
  } else if (kinds > 1) {
    error(written.at, where + " multiple template types specified. " + std::string(kTemplateKinds));
  }
}

void Compiler::template_limits(const argo::Template& written, workflow::Template& out) {
  const std::string where = "templates." + out.name;
  if (written.active_deadline_seconds.set) {
    const IntOrStr& seconds = written.active_deadline_seconds;
    out.active_deadline_seconds = text(seconds, where + ".activeDeadlineSeconds");
    if (written.is_graph()) {
      error(seconds.at, where + ".activeDeadlineSeconds is only valid for leaf templates");
    } else if (out.active_deadline_seconds->is_literal() &&
               (!is_integer(seconds.value) || seconds.value.front() == '-')) {
      error(seconds.at,
            where + ".activeDeadlineSeconds must be a positive integer > 0 or an argo variable");
    }
  }
  if (!written.timeout.empty()) {
    out.timeout = text(written.timeout, where + ".timeout");
    if (written.is_graph()) {
      error(written.timeout.at, where + " " + (written.steps.set ? "Steps" : "DAG") +
                                    " template doesn't support timeout field");
    } else if (out.timeout->is_literal() && !parse_go_duration(written.timeout.value)) {
      error(written.timeout.at, where + " has invalid duration format in timeout: \"" +
                                    std::string(written.timeout.value) +
                                    "\" (for example 30s, 1h30m)");
    }
  }
  if (written.parallelism.set) {
    out.parallelism = positive_count(written.parallelism);
    if (!written.is_graph() && written.other_kinds == 0) {
      error(written.parallelism.at,
            where + ".parallelism is only valid for steps and dag templates");
    } else if (!out.parallelism) {
      error(written.parallelism.at, where + ".parallelism must be greater than zero");
    }
  }
  out.fail_fast = written.fail_fast.value;
}

void Compiler::retry(const argo::Template& written, workflow::Template& out) {
  if (!written.retry_strategy.set) return;
  const std::string where = "templates." + out.name + ".retryStrategy";
  workflow::RetryStrategy retry{.limit =
                                    optional_text(written.retry_strategy.limit, where + ".limit")};
  const std::string_view limit = written.retry_strategy.limit.value;
  if (retry.limit && retry.limit->is_literal() && (!is_integer(limit) || limit.front() == '-')) {
    error(written.retry_strategy.limit.at,
          where + ".limit must be a number that is not negative, found \"" + std::string(limit) +
              "\"");
  }
  const std::string_view policy = written.retry_strategy.retry_policy.value;
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
    error(written.retry_strategy.retry_policy.at,
          where + ".retryPolicy: " + std::string(policy) + " is not a valid RetryPolicy");
  }
  out.retry = std::move(retry);
}

void Compiler::outputs(const argo::Template& written, workflow::Template& out) {
  const std::string where = "templates." + out.name + ".outputs.parameters";
  check_names(written.outputs.parameters.value, where, true);
  const std::string_view kind = written.container.set ? "Container"
                                : written.script.set  ? "Script"
                                : written.dag.set     ? "DAG"
                                                      : "Steps";
  for (const Parameter& parameter : written.outputs.parameters.value) {
    const std::string name = where + "." + std::string(parameter.name.value);
    const ValueFrom& from = parameter.value_from;
    OutputParameter output{
        .name = std::string(parameter.name.value),
        .value = optional_text(parameter.value, name + ".value"),
        .default_value = optional_text(from.default_value, name + ".valueFrom.default"),
        .at = parameter.at};
    if (!from.path.empty()) output.path = text(from.path, name + ".valueFrom.path");
    if (!from.parameter.empty())
      output.parameter = text(from.parameter, name + ".valueFrom.parameter");

    if (parameter.flawed || from.flawed) {
      // what is missing or too much may be what was refused
    } else if (from.set && parameter.value.set) {
      error(parameter.at, name + " has both valueFrom and value specified, choose one");
    } else if (!from.set && !parameter.value.set) {
      error(parameter.at, name + " does not have valueFrom or value specified");
    } else if (output.path && output.parameter) {
      error(from.at, name +
                         ": multiple valueFrom types specified. choose one of: path, jqFilter, "
                         "jsonPath, parameter, raw");
    } else if (from.set && !output.path && !output.parameter) {
      error(from.at, name +
                         ": valueFrom type unspecified. choose one of: path, jqFilter, jsonPath, "
                         "parameter, raw, expression");
    } else if (from.set && !written.is_graph() && !output.path && written.other_kinds == 0) {
      error(from.at, name + ".path must be specified for " + std::string(kind) + " templates");
    } else if (from.set && written.is_graph() && !output.parameter) {
      error(from.at, name + ".parameter or expression must be specified for " + std::string(kind) +
                         " templates");
    }
    out.outputs.push_back(std::move(output));
  }
}

void Compiler::template_body(const argo::Template& written, workflow::Template& out) {
  template_kind(written);
  template_limits(written, out);
  outputs(written, out);
  retry(written, out);
  for (const KeyValue& annotation : written.annotations.value) {
    if (annotation.key == "workflows.argoproj.io/display-name")
      out.display_name = annotation.value.value;
  }
  if (written.is_graph()) {
    out.kind = workflow::Template::Kind::Graph;
    Graph graph = written.steps.set ? steps(written) : dag(written);
    out.body = static_cast<Index>(plan_.graphs.size());
    plan_.graphs.push_back(std::move(graph));
  } else if (written.container.set || written.script.set) {
    out.kind = workflow::Template::Kind::Pod;
    PodTemplate made = pod(written);
    out.body = static_cast<Index>(plan_.pods.size());
    plan_.pods.push_back(std::move(made));
  }
}

}  // namespace gantry::workflow::argo
