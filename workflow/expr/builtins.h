#pragma once

// Internal to functions.cc: expr-lang's functions on values (builtin/builtin.go, builtin/lib.go),
// the methods of its instants and durations, and Argo's additions (util/expr/env/env.go).

#include <span>
#include <string_view>

#include "workflow/expr/context.h"
#include "workflow/expr/value.h"

namespace gantry::workflow::expr::builtins {

using Arguments = std::span<const Value>;

// builtin_number.cc
Value abs(Arguments args, Context& context);
Value ceil(Arguments args, Context& context);
Value floor(Arguments args, Context& context);
Value round(Arguments args, Context& context);
Value to_int(Arguments args, Context& context);
Value to_float(Arguments args, Context& context);
Value max(Arguments args, Context& context);
Value min(Arguments args, Context& context);
Value mean(Arguments args, Context& context);
Value median(Arguments args, Context& context);
Value bitand_(Arguments args, Context& context);
Value bitor_(Arguments args, Context& context);
Value bitxor(Arguments args, Context& context);
Value bitnand(Arguments args, Context& context);
Value bitnot(Arguments args, Context& context);
Value bitshl(Arguments args, Context& context);
Value bitshr(Arguments args, Context& context);
Value bitushr(Arguments args, Context& context);

// builtin_text.cc
Value len(Arguments args, Context& context);
Value type(Arguments args, Context& context);
Value to_string(Arguments args, Context& context);
Value trim(Arguments args, Context& context);
Value trim_prefix(Arguments args, Context& context);
Value trim_suffix(Arguments args, Context& context);
Value upper(Arguments args, Context& context);
Value lower(Arguments args, Context& context);
Value split(Arguments args, Context& context);
Value split_after(Arguments args, Context& context);
Value replace(Arguments args, Context& context);
Value repeat(Arguments args, Context& context);
Value join(Arguments args, Context& context);
Value index_of(Arguments args, Context& context);
Value last_index_of(Arguments args, Context& context);
Value has_prefix(Arguments args, Context& context);
Value has_suffix(Arguments args, Context& context);
Value to_json(Arguments args, Context& context);
Value from_json(Arguments args, Context& context);
Value to_base64(Arguments args, Context& context);
Value from_base64(Arguments args, Context& context);
Value to_compact_json(Arguments args, Context& context);  ///< Argo's toJson
Value json_path(Arguments args, Context& context);        ///< Argo's jsonpath

// builtin_array.cc
Value first(Arguments args, Context& context);
Value last(Arguments args, Context& context);
Value get(Arguments args, Context& context);
Value take(Arguments args, Context& context);
Value keys(Arguments args, Context& context);
Value values(Arguments args, Context& context);
Value to_pairs(Arguments args, Context& context);
Value from_pairs(Arguments args, Context& context);
Value reverse(Arguments args, Context& context);
Value uniq(Arguments args, Context& context);
Value concat(Arguments args, Context& context);
Value flatten(Arguments args, Context& context);
Value sort(Arguments args, Context& context);

// builtin_time.cc
Value now(Arguments args, Context& context);
Value duration(Arguments args, Context& context);
Value date(Arguments args, Context& context);
Value timezone(Arguments args, Context& context);

}  // namespace gantry::workflow::expr::builtins

namespace gantry::workflow::expr {

struct Instant;
/// The time of the facts, in UTC; fails, and gives the epoch, when they hold none.
Instant now_of(Context& context);

}  // namespace gantry::workflow::expr
