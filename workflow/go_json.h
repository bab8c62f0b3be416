#pragma once

// JSON as Go's encoding/json writes it where that is seen: in variables that hold JSON.

#include <string>
#include <string_view>

namespace gantry::workflow {

/// A JSON text with `<`, `>`, `&` and the two line separators of Unicode escaped in its strings; elsewhere JSON has none.
std::string go_escaped(std::string_view json);

/// A valid JSON text without white space, numbers and strings as they are written, and escaped (json.RawMessage).
std::string go_compact(std::string_view json);

/// What encoding/json says of a text that is no JSON: "invalid character 'x' looking for beginning of value".
std::string go_json_error(std::string_view text);

}  // namespace gantry::workflow
