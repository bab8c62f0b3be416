#pragma once

#include <string_view>

#include "base/error.h"

namespace gantry::workflow {

/// Evaluates the text of a `when` whose variables are already replaced, as Argo does with govaluate: C-like operators
/// (== != < > <= >= && || ! =~ !~ in + - * / %), numbers compare as numbers, bare words are strings.
/// Fails with InvalidArgument when the text does not parse or its value is not a boolean; the message is Argo's:
/// `Invalid 'when' expression '<text>': …` / `Expected boolean evaluation for '<text>'. Got <value>`.
Result<bool> evaluate_when(std::string_view text);

}  // namespace gantry::workflow
