#include "daemon/resource_document.h"

#include <charconv>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/json_text.h"
#include "daemon/event_binding.h"
#include "daemon/names.h"
#include "workflow/document.h"
#include "workflow/parse.h"

namespace gantry {
namespace {

using Json = nlohmann::json;
using workflow::Diagnostics;
using workflow::Node;

constexpr std::string_view kApiVersion = "argoproj.io/v1alpha1";

std::string text_at(const Node& map, std::string_view key) {
  const Node* value = map.find(key);
  return value != nullptr && value->is_scalar() ? std::string(value->text) : std::string();
}

/// Whether the document is an object of the wanted kind; says so when it is not.
bool is_wanted(const Node& root, const api::ResourceRequest& request, Diagnostics& diagnostics) {
  const std::string_view wanted = names_of(request.kind).kind;
  if (!root.is_map()) {
    diagnostics.error(root.at, "expected a " + std::string(wanted) + " object, found " +
                                   std::string(kind_name(root)));
    return false;
  }
  const std::string kind = text_at(root, "kind"), version = text_at(root, "apiVersion");
  if (kind.empty() && request.yaml) {
    diagnostics.error(root.at, "Object 'Kind' is missing");
    return false;
  }
  if (!kind.empty() && kind != wanted) {
    diagnostics.error(root.find("kind")->at, "kind is " + kind + ", wanted " + std::string(wanted));
    return false;
  }
  if (!version.empty() && version != kApiVersion) {
    diagnostics.error(root.find("apiVersion")->at, "apiVersion of a " + std::string(wanted) +
                                                       " is " + std::string(kApiVersion) +
                                                       ", found \"" + version + "\"");
    return false;
  }
  return true;
}

void check_spec(const Node& root, Diagnostics& diagnostics) {
  const Node* spec = root.find("spec");
  if (spec == nullptr || !spec->is_map()) {
    diagnostics.error(spec == nullptr ? root.at : spec->at, "spec: a map is required");
  }
}

/// A map of texts in metadata; scalars are taken as their text.
std::map<std::string, std::string> read_texts(const Node& metadata, std::string_view field,
                                              Diagnostics& diagnostics) {
  std::map<std::string, std::string> out;
  const Node* map = metadata.find(field);
  if (map == nullptr || map->is_null()) return out;
  const std::string path = "metadata." + std::string(field);
  if (!map->is_map()) {
    diagnostics.error(map->at, path + ": wanted a map, found " + std::string(kind_name(*map)));
    return out;
  }
  for (const Node::Entry& entry : map->entries) {
    if (entry.value->is_scalar()) {
      out.emplace(entry.key, entry.value->text);
    } else {
      diagnostics.error(entry.value->at, path + "." + std::string(entry.key) +
                                             ": wanted a text, found " +
                                             std::string(kind_name(*entry.value)));
    }
  }
  return out;
}

void read_metadata(const Node& root, const api::ResourceRequest& request, ResourceDocument& out,
                   std::map<std::string, std::string>& annotations, Diagnostics& diagnostics) {
  const Node* metadata = root.find("metadata");
  if (metadata == nullptr || !metadata->is_map()) {
    diagnostics.error(metadata == nullptr ? root.at : metadata->at,
                      "metadata.name or metadata.generateName is required");
    return;
  }
  out.name = text_at(*metadata, "name");
  out.generate_name = text_at(*metadata, "generateName");
  out.name_space = text_at(*metadata, "namespace");
  out.labels = read_texts(*metadata, "labels", diagnostics);
  annotations = read_texts(*metadata, "annotations", diagnostics);
  const std::string version = text_at(*metadata, "resourceVersion");
  if (!version.empty()) {
    std::int64_t number = 0;
    auto parsed = std::from_chars(version.data(), version.data() + version.size(), number);
    if (parsed.ec == std::errc() && parsed.ptr == version.data() + version.size()) {
      out.version = number;
    } else {
      diagnostics.error(metadata->find("resourceVersion")->at,
                        "metadata.resourceVersion: Invalid value: \"" + version + "\"");
    }
  }
  if (out.name.empty() && out.generate_name.empty()) {
    diagnostics.error(metadata->at, "metadata.name or metadata.generateName is required");
    return;
  }
  const std::string name = out.name.empty() ? generate_name(out.generate_name) : out.name;
  const std::string resource = std::string(names_of(request.kind).kind) + ".argoproj.io";
  if (auto valid = check_object_name(resource, name); !valid) {
    diagnostics.error(metadata->at, valid.error().message);
  }
  // The name becomes the value of a label, or the beginning of a workflow's name.
  constexpr std::size_t kLongest = 63;
  if (request.kind != api::ResourceKind::CronWorkflow && name.size() > kLongest) {
    diagnostics.error(metadata->at, std::string(names_of(request.kind).kind) + " name \"" + name +
                                        "\" must not be more than 63 characters long (currently " +
                                        std::to_string(name.size()) + ")");
  }
}

/// The object without what the daemon sets itself.
std::string object_json(const api::ResourceRequest& request, const ResourceDocument& document,
                        const std::map<std::string, std::string>& annotations) {
  Json metadata = Json::object();
  if (!document.labels.empty()) metadata["labels"] = document.labels;
  if (!annotations.empty()) metadata["annotations"] = annotations;
  Json object{{"apiVersion", kApiVersion},
              {"kind", names_of(request.kind).kind},
              {"metadata", std::move(metadata)}};
  std::string text = json_text(object);
  text.pop_back();
  // The spec keeps the order of its fields.
  return text + ",\"spec\":" + document.spec + "}";
}

}  // namespace

std::vector<ResourceDocument> read_resources(const api::ResourceRequest& request,
                                             const ResourceReading& reading,
                                             Diagnostics& diagnostics) {
  auto document =
      request.yaml ? workflow::Document::parse_yaml(request.document, reading.limits, diagnostics)
                   : workflow::Document::parse_json(request.document, reading.limits, diagnostics);
  if (document.roots().empty() && !diagnostics.has_errors()) {
    diagnostics.error(
        {1, 1}, "no " + std::string(names_of(request.kind).kind) + " found: the document is empty");
  }
  std::vector<ResourceDocument> out;
  for (const Node* root : document.roots()) {
    if (!is_wanted(*root, request, diagnostics)) continue;
    ResourceDocument& one = out.emplace_back();
    std::map<std::string, std::string> annotations;
    read_metadata(*root, request, one, annotations, diagnostics);
    check_spec(*root, diagnostics);
    if (diagnostics.has_errors()) continue;
    one.spec = workflow::to_json(*root->find("spec"));
    one.json = object_json(request, one, annotations);
    if (request.kind != api::ResourceKind::WorkflowEventBinding) continue;
    if (auto valid = check_binding(one.json); !valid) {
      diagnostics.error(root->find("spec")->at, valid.error().message);
    }
  }
  if (diagnostics.has_errors()) return out;
  // What they say of workflows, as the compiler sees it.
  const workflow::Options options{.strict = reading.strict,
                                  .lint = reading.lint,
                                  .library = reading.library,
                                  .default_kind = names_of(request.kind).kind,
                                  .limits = reading.limits};
  workflow::check_objects(request.document, request.yaml ? workflow::Format::Yaml : workflow::Format::Json, options,
                          diagnostics);
  return out;
}

std::string explain(const Diagnostics& diagnostics, const std::string& file, bool yaml) {
  std::string text;
  for (const auto& diagnostic : diagnostics.items()) {
    if (!text.empty()) text += '\n';
    if (yaml || !file.empty()) {
      text += workflow::to_string(diagnostic, file.empty() ? "<stdin>" : file);
      continue;
    }
    text += diagnostic.message;
    if (diagnostic.at.line != 0) {
      text += " (line " + std::to_string(diagnostic.at.line) + ", column " +
              std::to_string(diagnostic.at.column) + ")";
    }
  }
  return text;
}

}  // namespace gantry
