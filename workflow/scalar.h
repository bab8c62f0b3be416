#pragma once

// What a plain (unquoted) scalar means. YAML 1.1 as go-yaml v2 reads it, because that is what
// Argo's files have been read with so far: `012` is 10, `yes` is true, `1e3` is 1000, `1:30` is
// text.

#include <cstdint>
#include <string>
#include <string_view>

namespace gantry::workflow {

enum class ScalarType : std::uint8_t { Null, Bool, Integer, Float, String };

struct Scalar {
  ScalarType type = ScalarType::String;
  /// The value as Argo turns it into a text, which is also its JSON: "true", "10", "1.1". Empty for
  /// Null and for a number that JSON cannot hold (`.inf`, `.nan`). For String: the scalar itself.
  std::string text;
};

Scalar resolve_plain(std::string_view plain);

/// The shortest decimal text that reads back as `value`, never with an exponent (Go's
/// FormatFloat(v, 'f', -1, 64)).
std::string format_float(double value);

}  // namespace gantry::workflow
