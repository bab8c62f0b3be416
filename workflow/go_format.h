#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace gantry::workflow {

/// fmt.Sprintf(format, value) of Go for one integer: the verbs d b o O x X c q U v with flags, width and precision; a
/// verb that does not fit gives Go's `%!z(int=5)`, one too many `%!d(MISSING)`, none at all `%!(EXTRA int=5)`.
std::string go_format_integer(std::string_view format, std::int64_t value);

}  // namespace gantry::workflow
