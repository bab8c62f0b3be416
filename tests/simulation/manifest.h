#pragma once

// A workflow of the model as the manifest that a user would write.

#include <string>

#include "tests/simulation/model.h"

namespace gantry::testing {

std::string manifest(const model::Workflow& workflow);
/// As a text of a template of that kind writes it: `{{steps.a.outputs.result}}`.
std::string written(const model::Value& value, model::Template::Kind kind);
std::string written(const model::Condition& condition, model::Template::Kind kind);
std::string written(const model::Depends& depends);

}  // namespace gantry::testing
