#pragma once

// The static check of {{…}}: does every name that a text refers to exist where the text stands?
//
// The whole check is one call, check_workflow_references(): it walks over a typed Workflow. The
// pieces above it are for whoever adds a language feature with a scope of its own (loops, hooks,
// metrics): build a NameSet, call check_references() for each text of the place.
//
// Semantics: argo-workflows workflow/validate/validate.go (resolveAllVariables, addOutputsToScope),
// sharpened where upstream lets a file pass that cannot run: a step may refer to steps of earlier
// groups only, a DAG task to its ancestors only, in every field.

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "workflow/argo/compile.h"
#include "workflow/argo/spec.h"
#include "workflow/diagnostic.h"
#include "workflow/text.h"

namespace gantry::workflow::argo {

/// The names that are in scope in one kind of place. A set may stand on an outer one (workflow
/// names below template names below the names that steps offer). Holds views into the spec; the
/// spec and the outer set must outlive it.
class NameSet {
 public:
  /// Why a node that exists may not be referred to from here.
  struct Reason {
    std::string text;
    bool argos = true;  ///< Argo finds it, too, before the workflow runs
  };
  /// Nothing when it may.
  using Hidden = std::function<std::optional<Reason>(std::string_view node)>;

  NameSet() = default;
  explicit NameSet(const NameSet* outer) : outer_(outer) {}

  void add(std::string name) { names_.insert(std::move(name)); }
  /// Every name that starts with `prefix`.
  void add_prefix(std::string prefix) { prefixes_.push_back(std::move(prefix)); }

  /// What a loop's task knows: item, and the keys of its items that are maps.
  void add_items(const Call& call);

  /// From now on this is the inside of a steps or DAG template; `kind` is "steps" or "tasks".
  void set_nodes(std::string_view kind, Hidden hidden = nullptr);
  /// A step or task, which offers what a call of `callee` offers. Null: the template is not known
  /// (which somebody else reports), so every name under it is taken for good.
  void add_node(std::string_view name, const Template* callee) { nodes_.emplace(name, callee); }

  [[nodiscard]] bool contains(std::string_view name) const;
  /// Why a name is not in scope, or which one was probably meant, to stand behind a message: `
  /// (…)`. May be empty.
  [[nodiscard]] std::string hint(std::string_view name) const;
  /// The step or task that a name refers to, whether it may or not, and why it may not.
  struct NodeReference {
    std::string_view node;
    std::optional<Reason> hidden;
  };
  [[nodiscard]] std::optional<NodeReference> node_of(std::string_view name) const;
  /// Whether a name that is not in scope is one to Argo, until the workflow runs.
  [[nodiscard]] bool passes_argo(std::string_view name) const;

 private:
  void collect(std::vector<std::string>& names, std::string_view like) const;

  const NameSet* outer_ = nullptr;
  std::unordered_set<std::string> names_;
  std::vector<std::string> prefixes_;
  std::string kind_;  ///< "steps." or "tasks."
  std::unordered_map<std::string_view, const Template*> nodes_;
  Hidden hidden_;
};

/// Reports each name of `text` that must resolve (has_known_prefix) and is not in scope:
/// `WHERE failed to resolve {{inputs.parameters.x}} (did you mean {{inputs.parameters.y}}?)`. Names
/// that look like Argo's but stay as they are where nothing defines them (`{{retries}}` without a
/// retryStrategy) are warnings. `where` is Argo's: "templates.T:" for a pod's template,
/// "templates.T.steps", "templates.T.tasks.X", "templates.T.outputs". In a lint, what Argo lets pass is a warning.
void check_references(const Text& text, const NameSet& names, Mark at, std::string_view where,
                      bool lint, Diagnostics& diagnostics);

/// What is known everywhere: workflow.name, .namespace, .uid, …, the parameters, labels and
/// annotations.
NameSet workflow_names(const Workflow& workflow);
/// workflow.outputs.parameters.X for each globalName.
void add_global_outputs(const Resolution& resolution, NameSet& names);
/// What an exit handler's templates know besides: workflow.failures.
void add_exit_handler_names(NameSet& names);
/// What a template knows itself: its inputs, pod.name, where its outputs' files are, and retries
/// and lastRetry.… when it has a retryStrategy.
/// `has_retries`: its retryStrategy is the workflow's.
NameSet template_names(const Template& tmpl, const NameSet& workflow, bool has_retries = false);

/// Checks every text of the workflow's templates, arguments and volumes. Texts that do not parse
/// are passed over, as are templates that do not exist and `depends` that does not parse: the
/// compiler reports them. Nearly linear: only a DAG task that refers to a task which it does not
/// depend on directly costs a search of its ancestors.
void check_workflow_references(const Workflow& workflow, const Resolution& resolution, bool lint,
                               Diagnostics& diagnostics);

}  // namespace gantry::workflow::argo
