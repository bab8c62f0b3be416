#pragma once

// Internal to argo/compile*.cc: one compilation.

#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "workflow/argo/compile.h"
#include "workflow/argo/libraries.h"
#include "workflow/argo/spec.h"
#include "workflow/quantity.h"

namespace gantry::workflow::argo {

/// A document whose templates may be called: the workflow itself, or a WorkflowTemplate that is referred to.
struct Source {
  const WorkflowSpec* spec = nullptr;
  std::string scope;  ///< Template::scope of its templates; empty: the workflow itself
  std::unordered_map<std::string_view, std::size_t> written;   ///< name → index in spec->templates
  std::unordered_map<std::string_view, Index> declared;        ///< name → index in the plan
};

class Compiler {
 public:
  Compiler(const Workflow& workflow, const Options& options, Libraries& libraries,
           Diagnostics& diagnostics)
      : workflow_(workflow),
        spec_(workflow.spec),
        options_(options),
        libraries_(libraries),
        diagnostics_(diagnostics) {}

  PlanPtr run();
  /// What the written calls turned out to mean.
  [[nodiscard]] const Resolution& resolution() const { return resolution_; }

 private:
  // compile.cc: the workflow and what its templates have in common
  void spec();
  void arguments();
  void entry();
  void template_names();
  void template_body(Source& source, const argo::Template& written, Index index, const std::string& where);
  void template_kind(const argo::Template& written, const std::string& where);
  void template_limits(const argo::Template& written, workflow::Template& out, const std::string& where);
  void inputs(const argo::Template& written, workflow::Template& out, const std::string& template_where);
  std::vector<Lock> locks(const argo::Synchronization& written, const std::string& where);
  void memoize(const argo::Memoize& written, workflow::Template& out, const std::string& where);

  // compile_outputs.cc: outputs and retries
  void outputs(const argo::Template& written, workflow::Template& out, const std::string& where);
  std::optional<workflow::RetryStrategy> retry(const argo::RetryStrategy& written, const std::string& where);

  // compile_http.cc: templates that are no pods
  HttpRequest request(const argo::HttpTemplate& written, const std::string& where);
  DataQuery query(const argo::DataTemplate& written, const std::string& where);

  // compile_artifacts.cc
  std::optional<JsonTemplate> location(const ArtifactLocation& written, const std::string& where);
  ArchiveLocation archive_location(const ArtifactLocation& written, const std::string& where);
  std::string gc_strategy(const ArtifactGc& written, const std::string& where);
  workflow::Artifact artifact(const argo::Artifact& written, const std::string& where);
  void archive(const Node& written, workflow::Artifact& out, const std::string& where);
  void artifact_path(const argo::Template& tmpl, const argo::Artifact& written, const std::string& where);
  void input_artifacts(const argo::Template& written, workflow::Template& out, const std::string& where);
  void output_artifacts(const argo::Template& written, workflow::Template& out, const std::string& where);
  std::vector<workflow::Artifact> artifact_arguments(const Arguments& written, const std::string& prefix);
  /// `where` ends in a blank, or is empty.
  void artifacts_supplied(Mark at, bool flawed, const std::vector<workflow::Artifact>& arguments, Index callee,
                          const std::string& where);

  // compile_pod.cc: what runs in a pod
  PodTemplate pod(const argo::Template& written, const std::string& where);
  workflow::Container container(const argo::Container& written, const std::string& where);
  std::vector<workflow::VolumeMount> mounts(const List<argo::VolumeMount>& written, const std::string& where);
  // compile_beside.cc: what a pod may have besides its main container
  std::vector<workflow::Container> beside(const argo::Template& written, const std::string& where);
  void container_set(const argo::ContainerSetTemplate& written, PodTemplate& out, const std::string& where);
  std::optional<ContainerProbe> probe(const argo::Probe& written, const std::string& where);
  std::optional<ContainerAction> action(const argo::Action& written, const std::string& where);
  std::vector<workflow::HostAlias> host_aliases(const List<argo::HostAlias>& written, const std::string& where);
  void dns();
  // compile_metadata.cc: labels, metrics, podSpecPatch and what else surrounds a run and its pods
  void surroundings();
  workflow::PodMetadata pod_metadata(const argo::PodMetadata& written, const std::string& where);
  std::optional<Text> pod_spec_patch(const Str& written, const std::string& where);
  void metrics(const argo::Metrics& written, const std::string& where);
  void pending_timeout(const argo::Template& written, workflow::Template& out, const std::string& where);
  friend class PatchReader;
  std::vector<workflow::EnvVar> env(const List<argo::EnvVar>& written, const std::string& where);
  std::vector<EnvFrom> env_from(const List<EnvFromSource>& written, const std::string& where);
  Resources resources(const ResourceRequirements& written, const std::string& where);
  Resources::Amounts amounts(const argo::Amounts& written, const std::string& where);
  std::optional<Text> extended(const KeyQuantity& written, const std::string& path);
  void check_extended(const ResourceRequirements& written, const Resources& resources, const std::string& where);
  workflow::SecurityContext security(const Security& written, const std::string& where);
  std::vector<workflow::Volume> volumes(const List<argo::Volume>& written,
                                        const std::string& where);
  workflow::Volume volume(const argo::Volume& written, const std::string& where);
  ObjectVolume object_volume(const ObjectSource& written, KeyRef::Kind kind,
                             const std::string& where);
  std::vector<ClaimTemplate> claims();
  std::optional<std::uint32_t> file_mode(const Int& written, const std::string& where);
  std::optional<Text> quantity(const Quantity& written, const std::string& where,
                               Result<std::int64_t> (*parse)(std::string_view) = parse_bytes);

  // compile_graph.cc: steps and DAGs
  Graph steps(Source& source, const argo::Template& written, const std::string& where);
  Graph dag(Source& source, const argo::Template& written, const std::string& where);
  void dag_names(const argo::Template& written, const std::string& where);
  bool has_cycle(const argo::Template& written, const std::string& where,
                 const std::vector<std::vector<Index>>& dependencies);
  std::vector<Index> targets(const argo::Template& written, Graph& graph, const std::string& where,
                             const std::vector<std::vector<Index>>& dependencies);
  void captured_results(const workflow::Template& owner, Graph& graph);

  // compile_call.cc: which template a call means, and what it gives to it
  /// `where` is the call's path in messages: "templates.main.steps[0].a".
  Task call(Source& source, const Call& written, const std::string& where);
  Index callee(Source& source, const Str& name, const TemplateRef& ref, const std::string& where);
  Index referenced(const TemplateRef& ref, const std::string& where);
  /// `where`: its path in messages, "templates.main".
  Index declare(Source& source, const argo::Template& written, std::string where);
  std::optional<Index> find_template(Source& source, std::string_view name);
  std::vector<Argument> arguments_of(const Arguments& written, const std::string& prefix);
  void supplied(Mark at, bool flawed, const std::vector<Argument>& arguments, Index callee,
                const std::string& where, bool workflow_arguments_too);
  std::optional<Loop> loop(const Call& written, const std::string& where);
  void sequence(const Sequence& written, Loop& out, const std::string& where);
  std::vector<Hook> hooks(Source& source, const Hooks& written, const Str& on_exit, const std::string& where);

  // helpers
  /// While one lives, what is checked is what `argo lint` does not look at: in a lint, a warning (a run fails there too).
  class OwnChecks {
   public:
    explicit OwnChecks(Compiler& compiler, bool own = true)
        : compiler_(compiler), outer_(std::exchange(compiler.own_checks_, compiler.own_checks_ || own)) {}
    ~OwnChecks() { compiler_.own_checks_ = outer_; }
    OwnChecks(const OwnChecks&) = delete;
    OwnChecks& operator=(const OwnChecks&) = delete;

   private:
    Compiler& compiler_;
    bool outer_;
  };
  /// In a lint, what this host cannot run is a note.
  void error(Mark at, std::string message);
  /// Of one statement. `argo lint` lets it pass.
  void own_error(Mark at, std::string message) {
    const OwnChecks own(*this);
    error(at, std::move(message));
  }
  /// The text with its tags; an error that begins with `where` when a tag is malformed.
  Text text(const Str& written, std::string_view where);
  std::optional<Text> optional_text(const Str& written, std::string_view where);
  std::optional<Formula> formula(const Str& written, std::string_view where);
  std::optional<ConfigMapKey> config_map_key(const ConfigMapKeySelector& written, std::string_view where);
  /// ` (did you mean 'X'?)` or nothing.
  std::string suggest_template(const Source& source, std::string_view name) const;
  /// Names are required, well formed and unique: `<where>[<i>].name …`.
  template <class T>
  void check_names(const std::vector<T>& named, const std::string& where, bool parameter_names);

  bool own_checks_ = false;
  const Workflow& workflow_;
  const WorkflowSpec& spec_;
  const Options& options_;
  Libraries& libraries_;
  Diagnostics& diagnostics_;
  Plan plan_;
  Source main_;
  std::map<std::string, Source> sources_;        ///< of what is referred to, by scope
  std::deque<workflow::Template> templates_;     ///< the plan's; addresses do not change
  struct Pending {
    Source* source;
    const argo::Template* written;
    Index index;
    std::string where;
  };
  std::optional<workflow::RetryStrategy> retry_;  ///< the workflow's, of all templates that have none
  std::deque<Pending> pending_;                  ///< declared, body to be compiled
  Resolution resolution_;
};

/// Whether it says where: a place without a key (s3 with a bucket only) does not.
bool has_location(const ArtifactLocation& written);
/// Digits, with a sign or without.
bool is_integer(std::string_view text);
/// `WHERE[INDEX]`.
std::string item_path(const std::string& where, std::size_t index);

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
    // What a variable makes of it is seen once the template is called.
    if (parameter_names && item.name.value.find("{{") != std::string_view::npos) continue;
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
