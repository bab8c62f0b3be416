#pragma once

// What an expression knows of the world: handed in, so that the same expression with the same facts
// gives the same value.

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

#include "workflow/expr/value.h"

namespace gantry::workflow::expr {

struct Facts {
  /// Without it, what asks for the time fails.
  std::optional<std::chrono::sys_time<std::chrono::nanoseconds>> now;
  /// 64 random bits a call, for sprig.uuidv4, shuffle, randAlpha … Without it they fail.
  std::function<std::uint64_t()> random;
};

/// The variables. Argo keeps them in a flat map of dotted names, which an expression sees as nested
/// maps (argo-workflows util/expand); here the names stay flat.
class Names {
 public:
  virtual ~Names() = default;
  /// The value of a name, nil for an absent optional output; nothing when there is no such name. A
  /// text may be borrowed (Value::borrowed) until the evaluation is over. A value may be a map or
  /// an array, in which the expression goes on. A name that has names below it is a map for an
  /// expression: not answered here, but by for_each_below.
  [[nodiscard]] virtual std::optional<Value> find(std::string_view name) const = 0;
  /// Whether names below `name` exist ("steps.a" when "steps.a.status" does). Where that is not
  /// known: true, and a member that is not found is nil.
  [[nodiscard]] virtual bool has_below(std::string_view name) const = 0;
  /// Calls `visit` with each name below `name` (the whole name) and its value: for an expression
  /// that takes a map as a value, like toJson(inputs.parameters).
  virtual void for_each_below(std::string_view name,
                              const std::function<void(std::string_view, Value)>& visit) const {
    static_cast<void>(name);
    static_cast<void>(visit);
  }
};

}  // namespace gantry::workflow::expr
