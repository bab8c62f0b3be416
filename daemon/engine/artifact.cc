#include "daemon/engine/artifact.h"

#include <charconv>

#include "daemon/engine/json_text.h"
#include "workflow/document.h"

namespace gantry::engine {

std::string artifact_json(const Artifact& artifact) {
  std::string json = "{\"name\":" + json_string(artifact.name);
  const auto put = [&](const char* key, const std::string& value) {
    if (!value.empty()) json += ",\"" + std::string(key) + "\":" + json_string(value);
  };
  put("path", artifact.path);
  if (artifact.mode) json += ",\"mode\":" + std::to_string(*artifact.mode);
  if (artifact.recurse_mode) json += ",\"recurseMode\":true";
  if (artifact.location.size() > 2) json += "," + artifact.location.substr(1, artifact.location.size() - 2);
  put("subPath", artifact.sub_path);
  if (!artifact.archive.empty()) json += ",\"archive\":" + artifact.archive;
  put("globalName", artifact.global_name);
  if (artifact.optional) json += ",\"optional\":true";
  if (!artifact.gc.empty()) json += ",\"artifactGC\":{\"strategy\":" + json_string(artifact.gc) + "}";
  if (artifact.deleted) json += ",\"deleted\":true";
  return json + "}";
}

static std::optional<std::uint32_t> number(std::string_view text) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

Result<Artifact> artifact_from_json(std::string_view json) {
  workflow::Diagnostics diagnostics;
  const auto document = workflow::Document::parse_json(json, workflow::Limits{}, diagnostics);
  if (diagnostics.has_errors() || document.roots().empty() || !document.roots().front()->is_map()) {
    return fail(Code::InvalidArgument, "is not an artifact");
  }
  Artifact artifact;
  for (const auto& [key, at, value] : document.roots().front()->entries) {
    if (key == "name") artifact.name = value->text;
    if (key == "path") artifact.path = value->text;
    if (key == "subPath") artifact.sub_path = value->text;
    if (key == "globalName") artifact.global_name = value->text;
    if (key == "mode") artifact.mode = number(value->text);
    if (key == "recurseMode") artifact.recurse_mode = value->text == "true";
    if (key == "optional") artifact.optional = value->text == "true";
    if (key == "deleted") artifact.deleted = value->text == "true";
    if (key == "archive") artifact.archive = workflow::to_json(*value);
    if (key == "artifactGC") {
      if (const workflow::Node* strategy = value->find("strategy")) artifact.gc = strategy->text;
    }
    if (key == "s3" || key == "http" || key == "git" || key == "raw") {
      artifact.location = "{" + json_string(key) + ":" + workflow::to_json(*value) + "}";
    }
  }
  if (artifact.name.empty()) return fail(Code::InvalidArgument, "is not an artifact");
  return artifact;
}

Result<std::string> location_with_file(const std::string& location, const std::string& prefix, const std::string& file) {
  workflow::Diagnostics diagnostics;
  const auto document = workflow::Document::parse_json(location, workflow::Limits{}, diagnostics);
  if (diagnostics.has_errors() || document.roots().empty() || document.roots().front()->entries.size() != 1) {
    return fail(Code::Internal, "no location: " + location);
  }
  const auto& [kind, at, fields] = document.roots().front()->entries.front();
  const std::string_view name = kind == "http" ? "url" : "key";
  const workflow::Node* key = fields->find(name);
  const bool given = key != nullptr && !key->text.empty();
  std::string json = "{" + json_string(kind) + ":{" + json_string(name) + ":" +
                     json_string(given ? join_path(std::string(key->text), file) : prefix + file);
  for (const auto& [other, other_at, value] : fields->entries) {
    if (other != name) json += "," + json_string(other) + ":" + workflow::to_json(*value);
  }
  return json + "}}";
}

std::string join_path(const std::string& path, std::string_view below) {
  std::string out = path;
  while (!out.empty() && out.back() == '/') out.pop_back();
  while (!below.empty() && below.front() == '/') below.remove_prefix(1);
  if (below.empty()) return out;
  return out.empty() ? std::string(below) : out + "/" + std::string(below);
}

}  // namespace gantry::engine
