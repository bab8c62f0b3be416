#pragma once

// Internal to lexer.cc: the escapes in quoted texts (expr-lang parser/lexer/utils.go).

#include <string>
#include <string_view>

#include "workflow/expr/lexer.h"

namespace gantry::workflow::expr {

/// What the characters between two `quote`s stand for. \a \b \f \n \r \t \v \\ and the quote, \x41,
/// \101, \u00e9, \u{1F600}, \U0001F600; in `bytes` \x and \ooo are bytes and \u is not known. Line
/// ends become \n.
tl::expected<std::string, SyntaxError> unescape(std::string_view inside, char quote, bool bytes);

}  // namespace gantry::workflow::expr
