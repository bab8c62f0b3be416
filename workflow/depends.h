#pragma once

// The `depends` of a DAG task: a boolean expression over the results of other tasks.
// Semantics: argo-workflows docs/enhanced-depends-logic.md and workflow/controller/dag.go evaluateDependsLogic.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace gantry::workflow {

/// What can be asked of a task.
enum class TaskResult : std::uint8_t {
  Succeeded, Failed, Errored, Skipped, Omitted, Daemoned, AnySucceeded, AllFailed
};

/// A compiled `depends`, in postfix order. Immutable; any thread.
class Depends {
 public:
  /// Finds the index of a task by its name; kNone (all ones) when there is none.
  using Resolve = std::function<std::uint32_t(std::string_view task)>;
  /// Whether a task has a result.
  using Ask = std::function<bool(std::uint32_t task, TaskResult result)>;

  /// Parses `a && (b.Failed || !c.Skipped)`. A bare name means Succeeded, Skipped or Daemoned. Fails with
  /// InvalidArgument: the message holds the position in the expression, what was found and what was expected.
  static Result<Depends> parse(std::string_view source, const Resolve& resolve);

  /// The condition that a list of `dependencies` stands for: every task succeeded, was skipped or is daemoned, or
  /// ended in a phase that its own continueOn accepts. The last point is the asker's: see dag.go
  /// expandDependency; `accepts` tells whether the task has continueOn.failed / continueOn.error.
  struct Accepts { bool failed = false; bool error = false; };
  static Depends all_of(const std::vector<std::uint32_t>& tasks,
                        const std::function<Accepts(std::uint32_t task)>& accepts);

  /// True for the empty condition.
  [[nodiscard]] bool evaluate(const Ask& ask) const;
  /// The tasks that are mentioned, each once, in the order of their mention.
  [[nodiscard]] const std::vector<std::uint32_t>& tasks() const { return tasks_; }

 private:
  enum class Op : std::uint8_t { Ask, Not, And, Or };
  struct Code { Op op; TaskResult result; std::uint32_t task; };
  friend class DependsParser;
  void emit_ask(std::uint32_t task, TaskResult result);
  void emit_bare(std::uint32_t task);

  std::vector<Code> code_;
  std::vector<std::uint32_t> tasks_;
};

}  // namespace gantry::workflow
