#pragma once

// Internal to expression.cc: source → Program, with expr-lang's grammar (parser/parser.go).

#include "workflow/expr/lexer.h"
#include "workflow/expr/program.h"

namespace gantry::workflow::expr {

inline constexpr std::size_t kMaxNodes = 10'000;  ///< expr-lang's DefaultMaxNodes
inline constexpr int kMaxNesting = 200;           ///< brackets and the like
inline constexpr int kMaxHeight = 1'000;          ///< of the tree: `1 + 1 + …` is as high as long

tl::expected<Program, SyntaxError> parse_program(std::string_view source);

}  // namespace gantry::workflow::expr
