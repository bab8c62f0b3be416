#pragma once

#include <string>
#include <string_view>

namespace gantry::engine {

/// `text` as a JSON string with its quotes. For the few values that variables give as JSON; whole documents are the
/// daemon's to print.
std::string json_string(std::string_view text);

}  // namespace gantry::engine
