#pragma once

// Values as texts: what Go's fmt prints, and JSON as Go's encoding/json writes and reads it.

#include <string>
#include <string_view>

#include "base/error.h"
#include "workflow/expr/value.h"

namespace gantry::workflow::expr {

/// As fmt prints it with %v: `[a b]`, `map[k:v]`, `<nil>`, `1e+06`.
std::string print(const Value& value);

struct JsonStyle {
  bool indent = false;      ///< json.MarshalIndent(v, "", "  ")
  bool escape_html = true;  ///< < > & as \u003c …
};
/// Keys in order. Fails for what JSON cannot hold: `json: unsupported value: NaN`.
Result<std::string> to_json(const Value& value, JsonStyle style = {});

/// json.Unmarshal into interface{}: every number is a Float. Of keys that come twice the last one
/// counts; nesting is limited. The errors are Go's (`invalid character 'x' looking for beginning of
/// value`).
Result<Value> from_json(std::string_view text);

inline constexpr int kMaxJsonDepth = 500;

}  // namespace gantry::workflow::expr
