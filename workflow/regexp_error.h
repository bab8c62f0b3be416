#pragma once

#include <re2/re2.h>

#include <string_view>

namespace gantry::workflow {

/// What RE2 finds wrong with a regular expression, in Go's words (regexp/syntax ErrorCode).
std::string_view regexp_error(re2::RE2::ErrorCode code);

}  // namespace gantry::workflow
