#pragma once

// Internal to when*.cc: the words of a `when`, as Knetic/govaluate (parsing.go, lexerState.go) cuts
// them.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace gantry::workflow::when {

enum class Kind : std::uint8_t {
  Unknown,  ///< before the first token
  Prefix,
  Numeric,
  Boolean,
  String,
  Pattern,  ///< a String right behind =~ or !~
  Time,     ///< a quoted text that reads as a date
  Variable,
  Separator,
  Accessor,  ///< a bare word with dots in it
  Comparator,
  LogicalOp,
  Modifier,
  Clause,
  ClauseClose,
  Ternary,
};

struct Token {
  Kind kind = Kind::Unknown;
  std::string text;    ///< operators, texts, words; the decimal digits of a Time
  double number = 0;   ///< Numeric; Time: seconds since the epoch
  bool truth = false;  ///< Boolean
};

/// Cuts `text` into tokens. Errors are govaluate's, without a prefix; linear in the text.
Result<std::vector<Token>> tokenize(std::string_view text);

/// As many brackets open as close, and no token follows one that it may not follow. Bare words are
/// Variables the first time and Strings the second time, as Argo does it.
Result<void> check_order(const std::vector<Token>& tokens);

/// govaluate's name of a kind.
std::string_view kind_name(Kind kind);

/// A number as Go prints it with %v.
std::string go_number(double number);

}  // namespace gantry::workflow::when
