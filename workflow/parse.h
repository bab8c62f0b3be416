#pragma once

// From bytes to a Plan, for whoever does not need the steps between.

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "workflow/diagnostic.h"
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
  PlanPtr plan;
};

enum class Format { Yaml, Json };

struct Options {
  /// Values that override spec.arguments.parameters (`-p name=value`); an unknown name is added, as
  /// in Argo.
  std::vector<std::pair<std::string, std::string>> parameters;
  std::string entrypoint;  ///< overrides spec.entrypoint when not empty
  bool strict = false;     ///< as `lint`: a number or boolean where a text is wanted is an error
  Limits limits;
};

/// Parses, checks and compiles every Workflow object of a file (JSON: one object; YAML: documents
/// between `---`, empty ones are left out). Objects of other kinds are errors: `not supported yet:
/// kind X`. When `diagnostics` has errors, all the errors that can be found are in it and the
/// result must not be used. Never throws, whatever the bytes.
std::vector<Compiled> compile_workflows(std::string_view bytes, Format format,
                                        const Options& options, Diagnostics& diagnostics);

}  // namespace gantry::workflow
