#pragma once

// JSONPath as Argo's jsonpath() has it: the language of github.com/evilmonkeyinc/jsonpath v0.8.1.
//
//   $.a.b  ['a']  [0] [-1]  [0,2] ['a','b']  [1:3] [::-1]  .* [*]  ..a  .length
//   [?(@.price < 10 && @.tags)]  [(@.length-1)]
//
// One value comes out where the path is definite, else the array of what it meets; members that are
// missing behind `*`, `..`, a list, a range or a filter are left out. A difference: `in` and `not
// in` in a filter are words (upstream also finds them inside of names, and then fails).

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "workflow/expr/context.h"
#include "workflow/expr/value.h"

namespace gantry::workflow::expr {

/// nil after Context::fail: `invalid JSONPath selector …`, `key: invalid token key 'x' not found`.
Value query_json_path(std::string_view path, const Value& root, Context& context);

// Internal to json_path*.cc.
namespace json_path {

class Script;
struct Step {
  enum class Kind : std::uint8_t {
    Root,
    Current,
    Wildcard,
    Recursive,
    Length,
    Key,
    Index,
    Union,
    Range,
    Filter,
    Script
  };
  /// A part of a union or range: nothing, a number, a key or a script.
  struct Part {
    enum class Kind : std::uint8_t { None, Number, Key, Script } kind = Kind::None;
    std::int64_t number = 0;
    std::string key;
    std::shared_ptr<const json_path::Script> script;
  };
  Kind kind = Kind::Root;
  std::string key;
  std::int64_t index = 0;
  std::vector<Part> parts;
  std::shared_ptr<const json_path::Script> script;
};
using Steps = std::vector<Step>;

inline constexpr int kMaxNesting = 50;             ///< of scripts in paths in scripts
inline constexpr std::size_t kMaxSteps = 100;      ///< of a path
inline constexpr std::size_t kMaxLength = 10'000;  ///< of a path, in bytes

Result<Steps> parse_steps(std::string_view path, int depth = 0);
Result<Value> apply_steps(std::span<const Step> steps, const Value& root, const Value& current,
                          Context& context);

}  // namespace json_path
}  // namespace gantry::workflow::expr
