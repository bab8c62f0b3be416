#pragma once

#include <string_view>

#include "base/error.h"

namespace gantry::workflow {

/// Evaluates the text of a `when` whose variables are already replaced, as Argo does with
/// Knetic/govaluate (argo-workflows workflow/controller/steps.go shouldExecute). Empty: true.
///
/// The language, binding from tight to loose; operators of a row bind from left to right:
///     - ! ~ (prefix)   **   * / %   + -   << >>   & | ^   == != < <= > >= =~ !~ in   &&   ||   ? :
///     ??   ,
/// Values are numbers (also 0x1F), true and false, texts in quotes ('a' and "a" alike, each closed
/// by either quote, a backslash takes the next character), bare words and [words in brackets],
/// which are texts too, and lists (a, b). What surprises:
///   * True == False compares texts; == never converts, so 1 == '1' is false; < and its like take
///   two numbers or two
///     texts and fail otherwise.
///   * A quoted text that reads as a date ('2024-01-02', "3:04PM") is a number, seconds since the
///   epoch.
///   * A word with a dot in it (v1.2) is an access to a field, which fails, a dash ends a word, and
///   a word or a quoted
///     text without an operator before it is an error: values that may look like this belong in
///     quotes.
///   * A value behind a closing bracket is not looked at: (1 == 1) false is true.
///
/// Fails with InvalidArgument; the message is Argo's: `Invalid 'when' expression '<text>': …` when
/// it does not parse, `Failed to parse …`, `Failed to evaluate 'when' expresion '<text>': …` for
/// operands of the wrong type (the letter is missing upstream too), `Expected boolean evaluation
/// for '<text>'. Got <value>`. Linear in the text, whatever it is; brackets may nest 200 deep.
/// Regular expressions are RE2's, which are Go's. Any thread.
Result<bool> evaluate_when(std::string_view text);

}  // namespace gantry::workflow
