#include "runtime/containerd/image_config.h"

#include <nlohmann/json.hpp>

namespace gantry::containerd {
namespace {

using nlohmann::json;

// Absent and null mean the same in Go's JSON, which writes these files.
bool strings(const json& object, const char* key, std::vector<std::string>& out) {
  const auto found = object.find(key);
  if (found == object.end() || found->is_null()) return true;
  if (!found->is_array()) return false;
  for (const json& item : *found) {
    if (!item.is_string()) return false;
    out.push_back(item.get<std::string>());
  }
  return true;
}

bool string(const json& object, const char* key, std::string& out) {
  const auto found = object.find(key);
  if (found == object.end() || found->is_null()) return true;
  if (!found->is_string()) return false;
  out = found->get<std::string>();
  return true;
}

}  // namespace

Result<ImageConfig> parse_image_config(std::string_view text) {
  const json document = json::parse(text, nullptr, false);
  if (!document.is_object()) {
    return fail(Code::InvalidArgument, "the image's configuration is not a JSON object");
  }
  ImageConfig config;
  const auto found = document.find("config");
  if (found == document.end() || found->is_null()) return config;
  const bool good = found->is_object() && strings(*found, "Entrypoint", config.entrypoint) &&
                    strings(*found, "Cmd", config.command) && strings(*found, "Env", config.env) &&
                    string(*found, "WorkingDir", config.working_dir) &&
                    string(*found, "User", config.user);
  if (!good) return fail(Code::InvalidArgument, "the image's configuration is malformed");
  return config;
}

}  // namespace gantry::containerd
