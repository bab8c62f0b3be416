#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "cli/json.h"

namespace gantry::cli {

/// JSON as YAML in Kubernetes' way: keys sorted, sequences not indented, texts quoted where they
/// would read as another type, texts of several lines as literal blocks.
std::string to_yaml(const Json& value);

/// A parameter file (`-f`): one YAML or JSON mapping of names to values. Scalars give their text,
/// anything else its JSON. Errors carry `file:line:column`.
Result<std::vector<std::pair<std::string, std::string>>> parse_parameter_file(
    std::string_view text, const std::string& file);

}  // namespace gantry::cli
