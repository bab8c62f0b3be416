#pragma once

// What one evaluation carries along: the facts that come from outside, what it may still spend, and
// the first error.

#include <algorithm>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>

#include "workflow/expr/facts.h"
#include "workflow/expr/value.h"

namespace gantry::workflow::expr {

/// Bounds on what one evaluation may cost, so that no expression holds up the thread that runs it.
struct Budget {
  /// Nodes evaluated and elements looked at.
  std::int64_t steps = 5'000'000;
  /// Elements of arrays and maps made (expr-lang's memory budget), with texts at 16 bytes an
  /// element.
  std::int64_t elements = 1'000'000;
};

class Context {
 public:
  Context(const Facts& facts, Budget budget) : facts_(facts), budget_(budget) {}

  [[nodiscard]] const Facts& facts() const { return facts_; }

  /// Keeps the first error; returns nil.
  Value fail(std::string message) {
    if (!failed_) {
      failed_ = true;
      message_ = std::move(message);
    }
    return {};
  }
  [[nodiscard]] bool failed() const { return failed_; }
  [[nodiscard]] const std::string& message() const { return message_; }

  /// False, and failed, when there is not that much left. Asked before the work is done.
  bool spend_steps(std::size_t count) {
    budget_.steps -= static_cast<std::int64_t>(std::min<std::size_t>(count, 1u << 30));
    if (budget_.steps >= 0) return true;
    fail("evaluation takes too long: step budget exceeded");
    return false;
  }
  bool spend_elements(std::size_t count) {
    budget_.elements -= static_cast<std::int64_t>(std::min<std::size_t>(count, 1u << 30));
    if (budget_.elements > 0) return true;
    fail("memory budget exceeded");
    return false;
  }
  bool spend_text(std::size_t bytes) { return spend_elements(bytes / 16); }
  /// A number of elements that is too many: where the parts of a text are counted, this is enough.
  [[nodiscard]] std::int64_t too_many() const {
    return std::max<std::int64_t>(budget_.elements, 0) + 1;
  }
  /// How long a text may become.
  [[nodiscard]] std::size_t text_left() const {
    return budget_.elements > 0 ? static_cast<std::size_t>(budget_.elements) * 16 : 0;
  }

 private:
  const Facts& facts_;
  Budget budget_;
  bool failed_ = false;
  std::string message_;
};

}  // namespace gantry::workflow::expr
