#pragma once

// The `depends` of a DAG task: a boolean expression over the results of other tasks.
// Semantics: argo-workflows docs/enhanced-depends-logic.md, workflow/common/ancestry.go (names,
// results, the meaning of a bare name) and workflow/controller/dag.go evaluateDependsLogic.
// Upstream hands the rest to expr-lang, so `a ? b : c` happens to work there; here the language is
// what the documents say: `!`, `&&`, `||` (binding in this order) and brackets.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace gantry::workflow {

/// What can be asked of a task.
enum class TaskResult : std::uint8_t {
  Succeeded,
  Failed,
  Errored,
  Skipped,
  Omitted,
  Daemoned,
  AnySucceeded,
  AllFailed
};

/// A compiled `depends`, in postfix order. Immutable; any thread.
class Depends {
 public:
  /// Finds the index of a task by its name; kNone (all ones) when there is none.
  using Resolve = std::function<std::uint32_t(std::string_view task)>;
  /// Whether a task has a result.
  using Ask = std::function<bool(std::uint32_t task, TaskResult result)>;

  /// Brackets may nest this deep.
  static constexpr int kMaxDepth = 64;

  /// Parses `a && (b.Failed || !c.Skipped)`. A bare name means Succeeded, Skipped or Daemoned.
  /// Fails with InvalidArgument: the message holds the position in the expression (characters from
  /// 1), what was found and what was expected, or is Argo's `dependency 'x' not defined` / `task
  /// result 'X' for task 'a' is invalid`. `names` are the tasks that exist, for "did you mean".
  static Result<Depends> parse(std::string_view source, const Resolve& resolve,
                               std::span<const std::string_view> names = {});

  /// The condition that a list of `dependencies` stands for: every task succeeded, was skipped or
  /// is daemoned, or ended in a phase that its own continueOn accepts. The last point is the
  /// asker's: see dag.go expandDependency; `accepts` tells whether the task has continueOn.failed /
  /// continueOn.error.
  struct Accepts {
    bool failed = false;
    bool error = false;
  };
  static Depends all_of(const std::vector<std::uint32_t>& tasks,
                        const std::function<Accepts(std::uint32_t task)>& accepts);

  /// True for the empty condition.
  [[nodiscard]] bool evaluate(const Ask& ask) const;
  /// The tasks that are mentioned, each once, in the order of their mention.
  [[nodiscard]] const std::vector<std::uint32_t>& tasks() const { return tasks_; }
  /// The tasks that are asked for AnySucceeded or AllFailed, in the order of their mention. Only a
  /// task that fans out (withItems, withParam, withSequence) has these; for another one Argo
  /// refuses the file: `dependency 'x' uses an items-based condition such as .AnySucceeded or
  /// .AllFailed but does not contain any items`.
  [[nodiscard]] std::vector<std::uint32_t> items_tasks() const;

 private:
  enum class Op : std::uint8_t { Ask, Not, And, Or };
  struct Code {
    Op op;
    TaskResult result;
    std::uint32_t task;
  };
  friend class DependsParser;
  void emit(Op op) { code_.push_back({op, TaskResult::Succeeded, 0}); }
  void emit_ask(std::uint32_t task, TaskResult result);
  void emit_bare(std::uint32_t task);

  // Values that wait for their operator: the left sides of one && and one || for each level of
  // brackets, and a bare name.
  static constexpr std::size_t kStack = 4 * (kMaxDepth + 1);

  std::vector<Code> code_;
  std::vector<std::uint32_t> tasks_;
};

}  // namespace gantry::workflow
