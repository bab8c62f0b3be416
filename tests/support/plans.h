#pragma once

// Plans made by hand for tests that need no YAML.

#include <random>
#include <string>
#include <utility>
#include <vector>

#include "workflow/plan.h"

namespace gantry::testing {

using workflow::Index;

/// Builds a plan template by template. Template 0 is the entrypoint unless told otherwise.
class PlanBuilder {
 public:
  Index pod(const std::string& name);
  struct Call {
    std::string name;
    Index callee;
    std::string when;
    std::string depends;  ///< DAG only
    workflow::ContinueOn continue_on;
  };
  Index steps(const std::string& name, const std::vector<std::vector<Call>>& groups);
  Index dag(const std::string& name, const std::vector<Call>& tasks);
  workflow::Template& tmpl(Index index) { return plan_.templates[index]; }
  workflow::Plan& plan() { return plan_; }
  workflow::PlanPtr finish(Index entrypoint);

 private:
  Index add_template(const std::string& name, workflow::Template::Kind kind, Index body);
  workflow::Plan plan_;
};

/// A random plan: nested steps and DAGs with `when`, `depends`, continueOn, retries and parallelism.
workflow::PlanPtr random_plan(std::mt19937_64& random);

}  // namespace gantry::testing
