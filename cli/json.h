#pragma once

// Reading the API's JSON without exceptions: what is missing or of another type reads as empty.

#include <initializer_list>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace gantry::cli {

using Json = nlohmann::json;
using Path = std::initializer_list<std::string_view>;

/// The value at `path`, or a JSON null that lives for ever.
const Json& at(const Json& value, Path path);

/// The text at `path`; numbers and booleans as their JSON text; "" for anything else.
std::string text_at(const Json& value, Path path);

/// The RFC 3339 time at `path`; nothing when it is absent, null or malformed.
std::optional<Time> time_at(const Json& value, Path path);

/// The document, or nothing when `text` is not JSON.
std::optional<Json> parse_json(std::string_view text);

}  // namespace gantry::cli
