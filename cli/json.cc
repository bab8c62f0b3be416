#include "cli/json.h"

namespace gantry::cli {

const Json& at(const Json& value, Path path) {
  static const Json kNull;
  const Json* here = &value;
  for (std::string_view key : path) {
    if (!here->is_object()) return kNull;
    auto found = here->find(key);
    if (found == here->end()) return kNull;
    here = &*found;
  }
  return *here;
}

std::string text_at(const Json& value, Path path) {
  const Json& found = at(value, path);
  if (found.is_string()) return found.get<std::string>();
  if (found.is_number() || found.is_boolean()) return found.dump();
  return {};
}

std::optional<Time> time_at(const Json& value, Path path) {
  const Json& found = at(value, path);
  if (!found.is_string()) return std::nullopt;
  return parse_rfc3339(found.get_ref<const std::string&>());
}

std::optional<Json> parse_json(std::string_view text) {
  Json parsed = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (parsed.is_discarded()) return std::nullopt;
  return parsed;
}

}  // namespace gantry::cli
