#pragma once

// Base64 and base32 with padding, as Go's StdEncodings: line ends inside are skipped, anything else
// that does not belong is an error.

#include <string>
#include <string_view>

#include "base/error.h"

namespace gantry::workflow::expr {

std::string base64_encode(std::string_view bytes);
/// Fails with Go's `illegal base64 data at input byte 4`.
Result<std::string> base64_decode(std::string_view text);
std::string base32_encode(std::string_view bytes);
/// Fails with Go's `illegal base32 data at input byte 4`.
Result<std::string> base32_decode(std::string_view text);

}  // namespace gantry::workflow::expr
