#pragma once

// The words of an expression, as expr-lang v1.17 cuts them (parser/lexer).

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace gantry::workflow::expr {

struct Token {
  enum class Kind : std::uint8_t { Identifier, Number, String, Bytes, Operator, Bracket, End };
  Kind kind = Kind::End;
  std::string text;      ///< of a String and Bytes: what it stands for
  std::uint32_t at = 0;  ///< offset in bytes

  [[nodiscard]] bool is(Kind wanted) const { return kind == wanted; }
  [[nodiscard]] bool is(Kind wanted, std::string_view word) const {
    return kind == wanted && text == word;
  }
  [[nodiscard]] bool is_operator(std::string_view word) const { return is(Kind::Operator, word); }
  [[nodiscard]] bool is_bracket(std::string_view word) const { return is(Kind::Bracket, word); }
  /// `Operator("+")`, as messages show it.
  [[nodiscard]] std::string shown() const;
};

struct SyntaxError {
  std::uint32_t at = 0;  ///< offset in bytes
  std::string message;
};

/// The tokens, ended by one of kind End. Linear in the source.
tl::expected<std::vector<Token>, SyntaxError> lex(std::string_view source);

}  // namespace gantry::workflow::expr
