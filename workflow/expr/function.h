#pragma once

// What an expression may call: expr-lang's built-ins, Argo's additions and sprig's functions, in
// one table. Tests and documentation enumerate it.
//
// Sources: expr-lang builtin/builtin.go (v1.17.8), argo-workflows util/expr/env/env.go, sprig
// v3.3.0 functions.go. Of sprig's are left out: env, expandenv (Argo takes them away too),
// getHostByName (the network) and the makers of keys and certificates (genPrivateKey, genCA…,
// genSelfSignedCert…, genSignedCert…, buildCustomCert), whose randomness cannot come from outside.

#include <span>
#include <string_view>

#include "workflow/expr/context.h"
#include "workflow/expr/value.h"

namespace gantry::workflow::expr {

/// `args` fit the function's signature. Returns nil after Context::fail.
using Implementation = Value (*)(std::span<const Value> args, Context& context);

struct Function {
  std::string_view name;  ///< as it is written: "split", "sprig.trunc"
  /// The arguments, one letter each: a anything, s text, i integer, n number, b boolean, l list,
  /// m map, t time. `?` before a letter: this and all that follow may be absent; `*`: any number of
  /// it, none too.
  std::string_view signature;
  Implementation run;
  /// Gives something else each time: depends on the time or on randomness, so that it is no
  /// constant.
  bool volatile_result = false;
};

/// All functions that take values (those with a predicate are part of the language: kPredicates).
std::span<const Function> functions();
/// The function of a name, or null.
const Function* find_function(std::string_view name);

/// Checks number and kinds of arguments. False after Context::fail. In sprig's functions nil stands
/// for the empty value of a type, as Go's reflect gives it.
bool check_arguments(const Function& function, std::span<const Value> args, Context& context);

/// The functions with a predicate (`filter(list, {# > 1})`).
inline constexpr std::string_view kPredicates[] = {
    "all",  "none",      "any",      "one",           "filter",  "map",    "count", "sum",
    "find", "findIndex", "findLast", "findLastIndex", "groupBy", "sortBy", "reduce"};

}  // namespace gantry::workflow::expr
