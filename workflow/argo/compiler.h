#pragma once

// Internal to argo/compile*.cc: one compilation.

#include <string>
#include <string_view>
#include <unordered_map>

#include "workflow/argo/compile.h"
#include "workflow/argo/spec.h"

namespace gantry::workflow::argo {

class Compiler {
 public:
  Compiler(const Workflow& workflow, const Options& options, Diagnostics& diagnostics)
      : workflow_(workflow), spec_(workflow.spec), options_(options), diagnostics_(diagnostics) {}

  PlanPtr run();

 private:
  // compile.cc: the workflow and what its templates have in common
  void spec();
  void arguments();
  void entry(const Str& name, std::string_view field, Index& to, bool inputs_must_be_supplied);
  void template_names();
  void template_body(const argo::Template& written, workflow::Template& out);
  void template_kind(const argo::Template& written);
  void template_limits(const argo::Template& written, workflow::Template& out);
  void inputs(const argo::Template& written, workflow::Template& out);
  void outputs(const argo::Template& written, workflow::Template& out);
  void retry(const argo::Template& written, workflow::Template& out);

  // compile_pod.cc: what runs in a pod
  PodTemplate pod(const argo::Template& written);
  workflow::Container container(const argo::Container& written, const std::string& where);
  std::vector<workflow::EnvVar> env(const List<argo::EnvVar>& written, const std::string& where);
  std::vector<EnvFrom> env_from(const List<EnvFromSource>& written, const std::string& where);
  Resources resources(const ResourceRequirements& written, const std::string& where);
  Resources::Amounts amounts(const argo::Amounts& written, const std::string& where);
  workflow::SecurityContext security(const Security& written, const std::string& where);
  std::vector<workflow::Volume> volumes(const List<argo::Volume>& written,
                                        const std::string& where);
  workflow::Volume volume(const argo::Volume& written, const std::string& where);
  ObjectVolume object_volume(const ObjectSource& written, KeyRef::Kind kind,
                             const std::string& where);
  std::vector<ClaimTemplate> claims();
  std::optional<std::uint32_t> file_mode(const Int& written, const std::string& where);
  std::optional<Text> quantity(const Quantity& written, const std::string& where);

  // compile_graph.cc: steps and DAGs
  Graph steps(const argo::Template& written);
  Graph dag(const argo::Template& written);
  /// `where` is the call's path in messages: "templates.main.steps[0].a".
  Task call(const Call& written, const std::string& where);
  void supplied(const Call& written, const Task& task, const std::string& where);
  void continue_on(const argo::ContinueOn& written, Task& task);
  void dag_names(const argo::Template& written);
  bool has_cycle(const argo::Template& written,
                 const std::vector<std::vector<Index>>& dependencies);
  std::vector<Index> targets(const argo::Template& written,
                             const std::vector<std::vector<Index>>& dependencies);
  void captured_results(const workflow::Template& owner, const Graph& graph);

  // helpers
  void error(Mark at, std::string message) { diagnostics_.error(at, std::move(message)); }
  /// The text with its tags; an error that begins with `where` when a tag is malformed.
  Text text(const Str& written, std::string_view where);
  std::optional<Text> optional_text(const Str& written, std::string_view where);
  std::optional<Index> find_template(std::string_view name) const;
  /// ` (did you mean 'X'?)` or nothing.
  std::string suggest_template(std::string_view name) const;
  /// Names are required, well formed and unique: `<where>[<i>].name …`.
  template <class T>
  void check_names(const std::vector<T>& named, const std::string& where, bool parameter_names);

  const Workflow& workflow_;
  const WorkflowSpec& spec_;
  const Options& options_;
  Diagnostics& diagnostics_;
  Plan plan_;
  std::unordered_map<std::string_view, Index> templates_;
};

/// Empty when `name` is a good name of a template, step or task; else what is wrong, in Argo's
/// words.
std::string check_field_name(std::string_view name);
/// The same for parameters.
std::string check_parameter_name(std::string_view name);

template <class T>
void Compiler::check_names(const std::vector<T>& named, const std::string& where,
                           bool parameter_names) {
  std::unordered_map<std::string_view, Mark> seen;
  seen.reserve(named.size());
  for (std::size_t i = 0; i < named.size(); ++i) {
    const T& item = named[i];
    const auto prefix = [&] { return where + "[" + std::to_string(i) + "].name"; };
    if (item.name.empty()) {
      if (!item.flawed) error(item.at, prefix() + " is required");
      continue;
    }
    const std::string bad =
        parameter_names ? check_parameter_name(item.name.value) : check_field_name(item.name.value);
    if (!bad.empty())
      error(item.name.at, prefix() + ": '" + std::string(item.name.value) + "' is invalid: " + bad);
    const auto [first, fresh] = seen.emplace(item.name.value, item.name.at);
    if (!fresh) {
      error(item.name.at, prefix() + " '" + std::string(item.name.value) +
                              "' is not unique, it is also at line " +
                              std::to_string(first->second.line));
    }
  }
}

}  // namespace gantry::workflow::argo
