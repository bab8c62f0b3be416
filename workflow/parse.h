#pragma once

// From bytes to a Plan, for whoever does not need the steps between.

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "workflow/diagnostic.h"
#include "workflow/library.h"
#include "workflow/limits.h"
#include "workflow/plan.h"

namespace gantry::workflow {

/// The metadata of an object, as written.
struct Metadata {
  std::string name;
  std::string generate_name;
  std::string name_space;
  std::map<std::string, std::string> labels;
  std::map<std::string, std::string> annotations;
};

/// One Workflow, ready to run.
struct Compiled {
  Metadata metadata;
  std::string spec_json;  ///< spec as JSON, as submitted (numbers and booleans where a text is
                          ///< wanted are texts)
  /// The templates that it refers to, as text, by "namespaced/NAME" or "cluster/NAME": with them as
  /// its library it compiles to the same plan again, whatever has become of the templates since.
  std::map<std::string, std::string> templates;
  std::string effective_spec_json;  ///< with the spec of spec.workflowTemplateRef laid under it
  std::string template_name;        ///< spec.workflowTemplateRef.name; empty: none
  bool cluster_template = false;    ///< spec.workflowTemplateRef.clusterScope
  PlanPtr plan;
};

enum class Format { Yaml, Json };

struct Options {
  /// Values that override spec.arguments.parameters (`-p name=value`); an unknown name is added, as
  /// in Argo.
  std::vector<std::pair<std::string, std::string>> parameters;
  std::string entrypoint;  ///< overrides spec.entrypoint when not empty
  bool strict = false;     ///< a number or boolean where a text is wanted is an error
  /// As `argo lint`: what this host cannot run, and what Argo finds only while it runs, are notes and warnings; arguments
  /// need no value; unknown fields are errors only if `strict`. The plan is for nobody to run.
  bool lint = false;
  const TemplateLibrary* library = nullptr;  ///< null: no template exists
  std::string_view default_kind = "Workflow";  ///< of a JSON object without a kind, as Argo's clients send it
  Limits limits;
};

/// Parses, checks and compiles every Workflow object of a file (JSON: one object; YAML: documents
/// between `---`, empty ones are left out). Objects of other kinds are errors. When `diagnostics`
/// has errors, all the errors that can be found are in it and the result must not be used. Never
/// throws, whatever the bytes.
std::vector<Compiled> compile_workflows(std::string_view bytes, Format format,
                                        const Options& options, Diagnostics& diagnostics);

/// Any object of Argo's that Gantry knows.
struct Object {
  std::string kind;  ///< Workflow, WorkflowTemplate, ClusterWorkflowTemplate, CronWorkflow, WorkflowEventBinding
  Metadata metadata;
  std::string json;  ///< the whole object, as written
};

/// As compile_workflows() for objects of all kinds, each checked as Argo checks it when it is
/// created (argo-workflows workflow/validate): a template's arguments need no value, an entrypoint
/// is optional. The templates of the file itself are known to its other objects.
std::vector<Object> check_objects(std::string_view bytes, Format format, const Options& options,
                                  Diagnostics& diagnostics);

/// A library that holds what Compiled::templates holds.
std::shared_ptr<const TemplateLibrary> library_of(std::map<std::string, std::string> templates);

}  // namespace gantry::workflow
