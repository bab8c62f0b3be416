#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tests/support/diagnostics.h"
#include "workflow/parse.h"

namespace gantry::workflow {

/// A Workflow whose spec is `spec`, indented by two. The spec begins at line 5.
inline std::string workflow_yaml(std::string_view spec) {
  return "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata: {generateName: "
         "test-}\nspec:\n" +
         std::string(spec);
}

struct CompileOutcome {
  std::vector<Compiled> compiled;
  std::vector<std::string> diagnostics;
};

inline CompileOutcome compile_yaml(std::string_view yaml, const Options& options = {}) {
  Diagnostics diagnostics;
  CompileOutcome out;
  out.compiled = compile_workflows(yaml, Format::Yaml, options, diagnostics);
  out.diagnostics = texts(diagnostics);
  return out;
}

/// What is wrong with a spec.
inline std::vector<std::string> errors_of_spec(std::string_view spec, const Options& options = {}) {
  return compile_yaml(workflow_yaml(spec), options).diagnostics;
}

/// What is wrong with templates (indented by two), the first of which is called `main` and the
/// entrypoint. They begin at line 7.
inline std::vector<std::string> errors_of_templates(std::string_view templates,
                                                    const Options& options = {}) {
  return errors_of_spec("  entrypoint: main\n  templates:\n" + std::string(templates), options);
}

}  // namespace gantry::workflow
