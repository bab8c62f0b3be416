#pragma once

// JSON as Gantry writes it: without spaces, and with U+FFFD for what is no UTF-8 (what programs print may be anything).

#include <string>

namespace gantry {

/// `Json`: nlohmann::json or ordered_json.
template <class Json>
std::string json_text(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace gantry
