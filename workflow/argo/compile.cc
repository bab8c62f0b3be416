#include "workflow/argo/compile.h"

#include <algorithm>
#include <iterator>
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

/// A count that is at least 1 and fits an Index.
std::optional<Index> positive_count(const Int& written) {
  if (written.value < 1) return std::nullopt;
  return static_cast<Index>(
      std::min<std::int64_t>(written.value, std::numeric_limits<Index>::max() - 1));
}

}  // namespace

bool is_integer(std::string_view text) {
  if (!text.empty() && (text.front() == '-' || text.front() == '+')) text.remove_prefix(1);
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::string item_path(const std::string& where, std::size_t index) {
  return where + "[" + std::to_string(index) + "]";
}

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

PlanPtr compile(const Workflow& workflow, const Options& options, Libraries& libraries,
                Resolution& resolution, Diagnostics& diagnostics) {
  Compiler compiler(workflow, options, libraries, diagnostics);
  PlanPtr plan = compiler.run();
  resolution = compiler.resolution();
  return plan;
}

void Compiler::error(Mark at, std::string message) {
  if (options_.lint && is_refusal(message)) {
    diagnostics_.note(at, std::move(message));
  } else if (options_.lint && own_checks_) {
    diagnostics_.warning(at, std::move(message));
  } else {
    diagnostics_.error(at, std::move(message));
  }
}

PlanPtr Compiler::run() {
  template_names();
  arguments();
  spec();
  // All of the workflow's own templates are compiled, reached or not; of others those that are referred to.
  for (const argo::Template& written : spec_.templates.value) find_template(main_, written.name.value);
  entry();
  plan_.hooks = hooks(main_, spec_.hooks, spec_.on_exit, "spec");
  while (!pending_.empty()) {
    const Pending next = pending_.front();
    pending_.pop_front();
    template_body(*next.source, *next.written, next.index, next.where);
  }
  for (const workflow::Template& owner : templates_) {
    if (owner.kind == workflow::Template::Kind::Graph && owner.body != kNone)
      captured_results(owner, plan_.graphs[owner.body]);
  }
  if (diagnostics_.has_errors()) return nullptr;
  plan_.templates.assign(std::make_move_iterator(templates_.begin()), std::make_move_iterator(templates_.end()));
  return std::make_shared<const Plan>(std::move(plan_));
}

void Compiler::template_names() {
  const auto& templates = spec_.templates.value;
  check_names(templates, "spec.templates", false);
  main_.spec = &spec_;
  if (workflow_.by_reference) main_.scope = "local/";  // as Argo writes it, without a name
  main_.written.reserve(templates.size());
  for (std::size_t i = 0; i < templates.size(); ++i) main_.written.emplace(templates[i].name.value, i);
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
    diagnostics_.error(written.at, std::string(where) + ": " + message);
  }
  return {};
}

std::optional<Formula> Compiler::formula(const Str& written, std::string_view where) {
  if (written.empty()) return std::nullopt;
  Formula out;
  if (written.value.find("{{") != std::string_view::npos) {
    out.text = text(written, where);
    return out;
  }
  auto parsed = expr::Expression::parse(written.value);
  if (parsed) {
    out.parsed = std::move(*parsed);
  } else {
    own_error(written.at, std::string(where) + ": " + parsed.error().message);
  }
  return out;
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
    const ValueFrom& from = written.value_from;
    if (from.set) {
      const bool good = from.config_map_key_ref.set || from.supplied || !from.event.empty();
      if (!from.flawed && (!good || !from.path.empty() || !from.parameter.empty() || !from.expression.empty())) {
        error(from.at, name + ".valueFrom only allows: default, configMapKeyRef and supplied");
      }
      if (!written.value.set) out.config_map_key = config_map_key(from.config_map_key_ref, name + ".valueFrom");
      out.default_value = optional_text(from.default_value, name + ".valueFrom.default");
    } else if (!written.value.set && !written.flawed && workflow_.needs_values) {
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
  plan_.artifacts = artifact_arguments(spec_.arguments, "spec.arguments.");
}

void Compiler::spec() {
  const OwnChecks own(*this);
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
  plan_.locks = locks(spec_.synchronization, "spec.synchronization");
  plan_.host_aliases = host_aliases(spec_.host_aliases, "spec.hostAliases");
  plan_.host_network = spec_.host_network.value;
  dns();
  const Str& claim_gc = spec_.volume_claim_gc.strategy;
  if (claim_gc.value == "OnWorkflowCompletion") {
    plan_.claim_gc = Plan::ClaimGc::OnWorkflowCompletion;
  } else if (!claim_gc.empty() && claim_gc.value != "OnWorkflowSuccess") {
    error(claim_gc.at, "spec.volumeClaimGC.strategy must be OnWorkflowCompletion or OnWorkflowSuccess, found \"" +
                           std::string(claim_gc.value) + "\"");
  }
  plan_.service_account_name = spec_.service_account_name.value;
  retry_ = retry(spec_.retry_strategy, "spec.retryStrategy");
  if (spec_.archive_logs.set) plan_.archive_logs = spec_.archive_logs.value;
  plan_.artifact_gc = gc_strategy(spec_.artifact_gc, "spec.artifactGC");
  plan_.artifact_repository = {std::string(spec_.artifact_repository_ref.config_map.value),
                               std::string(spec_.artifact_repository_ref.key.value)};
  plan_.security = security(spec_.security_context, "spec.securityContext");
  plan_.volumes = volumes(spec_.volumes, "spec.volumes");
  plan_.claim_templates = claims();
  surroundings();
}

void Compiler::entry() {
  const Str& name = spec_.entrypoint;
  if (name.empty()) {
    if (!spec_.flawed && !workflow_.is_template) {
      error(workflow_.spec.set ? spec_.at : workflow_.at, "spec.entrypoint is required");
    }
    return;
  }
  const auto found = find_template(main_, name.value);
  if (!found) {
    if (spec_.flawed && spec_.templates.value.empty()) return;  // they are in what was refused
    error(name.at, "spec.entrypoint template name '" + std::string(name.value) + "' undefined" +
                       suggest_template(main_, name.value));
    return;
  }
  plan_.entrypoint = *found;
  for (const InputParameter& input : templates_[*found].inputs) {
    const auto& arguments = spec_.arguments.parameters.value;
    const auto argument = std::find_if(arguments.begin(), arguments.end(),
                                       [&](const Parameter& one) { return one.name.value == input.name; });
    // An argument without a value takes away even the input's own.
    const bool supplied = argument != arguments.end()
                              ? argument->value.set || argument->value_from.set || argument->flawed
                              : input.value || input.default_value || input.config_map_key;
    if (!supplied && !workflow_.is_template) {
      error(input.at, "templates." + templates_[*found].name + " inputs.parameters." + input.name +
                          " was not supplied");
    }
  }
  if (!workflow_.is_template) {
    artifacts_supplied(spec_.entrypoint.at, spec_.arguments.flawed, plan_.artifacts, *found, "");
  }
}

void Compiler::inputs(const argo::Template& written, workflow::Template& out, const std::string& template_where) {
  out.name = written.name.value;
  out.at = written.at;
  input_artifacts(written, out, template_where);
  const std::string where = template_where + ".inputs.parameters";
  check_names(written.inputs.parameters.value, where, true);
  for (const Parameter& parameter : written.inputs.parameters.value) {
    const std::string name = where + "." + std::string(parameter.name.value);
    InputParameter input{.name = std::string(parameter.name.value),
                         .value = optional_text(parameter.value, name + ".value"),
                         .default_value = optional_text(parameter.default_value, name + ".default"),
                         .description = std::string(parameter.description.value),
                         .at = parameter.at};
    for (const AnyStr& allowed : parameter.allowed.value) input.allowed.emplace_back(allowed.value);
    const ValueFrom& from = parameter.value_from;
    if (from.set && !from.flawed && (!from.path.empty() || !from.parameter.empty() || !from.expression.empty())) {
      own_error(from.at, name + ".valueFrom only allows: default, configMapKeyRef and supplied");
    }
    input.config_map_key = config_map_key(from.config_map_key_ref, name + ".valueFrom");
    if (!input.default_value) input.default_value = optional_text(from.default_value, name + ".valueFrom.default");
    const bool refused = parameter.flawed || parameter.value_from.flawed;
    // Its value was refused already: say nothing of missing arguments.
    if (refused && !input.value) input.value = Text::literal("");
    out.inputs.push_back(std::move(input));
  }
}

void Compiler::template_kind(const argo::Template& written, const std::string& where) {
  const int kinds = written.container.set + written.script.set + written.steps.set +
                    written.dag.set + written.suspend.set + written.container_set.set +
                    written.http.set + written.data.set + written.other_kinds;
  if (kinds == 0 && !written.flawed) {
    error(written.at, where + " template type unspecified. " + std::string(kTemplateKinds));
  } else if (kinds > 1) {
    error(written.at, where + " multiple template types specified. " + std::string(kTemplateKinds));
  }
}

void Compiler::template_limits(const argo::Template& written, workflow::Template& out, const std::string& where) {
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
      // Of what is no duration, Argo finds only whole numbers.
      const OwnChecks own(*this, !is_integer(written.timeout.value));
      error(written.timeout.at, where + " has invalid duration format in timeout: \"" +
                                    std::string(written.timeout.value) +
                                    "\" (for example 30s, 1h30m)");
    }
  }
  if (written.parallelism.set) {
    out.parallelism = positive_count(written.parallelism);
    if (!written.is_graph() && (options_.lint || written.other_kinds == 0)) {
      error(written.parallelism.at,
            where + ".parallelism is only valid for steps and dag templates");
    } else if (!out.parallelism) {
      own_error(written.parallelism.at, where + ".parallelism must be greater than zero");
    }
  }
  out.fail_fast = written.fail_fast.value;
}

std::vector<Lock> Compiler::locks(const argo::Synchronization& written, const std::string& where) {
  const OwnChecks own(*this);
  std::vector<Lock> out;
  for (const MutexRef& mutex : written.mutexes.value) {
    if (mutex.name.empty() && !mutex.flawed) error(mutex.at, where + ".mutexes: name is required");
    out.push_back({.kind = Lock::Kind::Mutex,
                   .database = mutex.database.value,
                   .name = text(mutex.name, where + ".mutexes.name"),
                   .key = Text::literal(""),
                   .name_space = text(mutex.name_space, where + ".mutexes.namespace")});
  }
  for (const SemaphoreRef& semaphore : written.semaphores.value) {
    const ConfigMapKeySelector& ref = semaphore.config_map_key_ref;
    const argo::SyncDatabaseRef& database = semaphore.database;
    if (semaphore.flawed) continue;
    if (ref.set && database.set) {
      error(semaphore.at, where + ".semaphores: invalid semaphore with both configMapKeyRef and database");
    } else if (!database.set && (!ref.set || ref.name.empty() || ref.key.empty())) {
      error(semaphore.at, where + ".semaphores: configMapKeyRef with name and key, or database with key, is required");
    } else if (database.set && database.key.empty()) {
      error(database.at, where + ".semaphores.database: key is required");
    }
    if (database.set) {
      out.push_back({.kind = Lock::Kind::Semaphore,
                     .database = true,
                     .name = Text::literal(""),
                     .key = text(database.key, where + ".semaphores.database.key"),
                     .name_space = text(semaphore.name_space, where + ".semaphores.namespace")});
      continue;
    }
    out.push_back({.kind = Lock::Kind::Semaphore,
                   .name = text(ref.name, where + ".semaphores.configMapKeyRef.name"),
                   .key = text(ref.key, where + ".semaphores.configMapKeyRef.key"),
                   .name_space = text(semaphore.name_space, where + ".semaphores.namespace")});
  }
  return out;
}

void Compiler::memoize(const argo::Memoize& written, workflow::Template& out, const std::string& where) {
  if (!written.set) return;
  const OwnChecks own(*this);
  workflow::Memoize made{.key = text(written.key, where + ".key"),
                         .cache = text(written.cache.config_map.name, where + ".cache.configMap.name")};
  if (!written.flawed && !written.cache.config_map.set) {
    error(written.at, where + ".cache.configMap is required");
  }
  if (!written.max_age.empty()) {
    made.max_age = text(written.max_age, where + ".maxAge");
    if (made.max_age->is_literal() && !parse_duration_or_seconds(written.max_age.value)) {
      error(written.max_age.at, where + ".maxAge: \"" + std::string(written.max_age.value) +
                                    "\" is no duration (for example 30s, 1h30m)");
    }
  }
  out.memoize = std::move(made);
}

void Compiler::template_body(Source& source, const argo::Template& written, Index index, const std::string& where) {
  workflow::Template& out = templates_[index];
  template_kind(written, where);
  template_limits(written, out, where);
  outputs(written, out, where + ".outputs.parameters");
  output_artifacts(written, out, where);
  out.archive = archive_location(written.archive_location, where + ".archiveLocation");
  out.retry = retry(written.retry_strategy, where + ".retryStrategy");
  if (!out.retry) out.retry = retry_;
  out.locks = locks(written.synchronization, where + ".synchronization");
  memoize(written.memoize, out, where + ".memoize");
  pending_timeout(written, out, where);
  metrics(written.metrics, where);
  for (const StrMap* annotations : {&written.metadata.annotations, &written.annotations}) {
    for (const KeyValue& annotation : annotations->value) {
      if (annotation.key == "workflows.argoproj.io/display-name") {
        out.display_name = text(annotation.value, where + ".annotations");
      }
    }
  }
  if (written.is_graph()) {
    out.kind = workflow::Template::Kind::Graph;
    Graph graph = written.steps.set ? steps(source, written, where) : dag(source, written, where);
    out.body = static_cast<Index>(plan_.graphs.size());
    plan_.graphs.push_back(std::move(graph));
  } else if (written.suspend.set) {
    out.kind = workflow::Template::Kind::Suspend;
    const IntOrStr& duration = written.suspend.duration;
    if (!duration.empty()) {
      const OwnChecks own(*this);
      out.suspend_duration = text(duration, where + ".suspend.duration");
      if (out.suspend_duration->is_literal() && !parse_duration_or_seconds(duration.value)) {
        error(duration.at, where + ".suspend.duration: \"" + std::string(duration.value) +
                               "\" is no duration (for example 20, 30s, 1h30m)");
      }
    }
  } else if (written.http.set) {
    out.kind = workflow::Template::Kind::Http;
    if (written.pod_resources.set) {
      error(written.pod_resources.at, where + ".podResources is not supported for HTTP templates");
    }
    HttpRequest made = request(written.http, where + ".http");
    out.body = static_cast<Index>(plan_.requests.size());
    plan_.requests.push_back(std::move(made));
  } else if (written.data.set) {
    out.kind = workflow::Template::Kind::Data;
    DataQuery made = query(written.data, where + ".data");
    out.body = static_cast<Index>(plan_.queries.size());
    plan_.queries.push_back(std::move(made));
  } else if (written.is_pod()) {
    out.kind = workflow::Template::Kind::Pod;
    PodTemplate made = pod(written, where);
    out.body = static_cast<Index>(plan_.pods.size());
    plan_.pods.push_back(std::move(made));
  }
}

}  // namespace gantry::workflow::argo
