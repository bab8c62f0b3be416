#include "daemon/submission.h"

#include <nlohmann/json.hpp>

#include "base/json_text.h"

namespace gantry {
namespace {

/// Order of fields matters to nobody but readers.
using Json = nlohmann::ordered_json;

std::string workflow_document(Json metadata, Json spec) {
  Json document{{"apiVersion", "argoproj.io/v1alpha1"},
                {"kind", "Workflow"},
                {"metadata", std::move(metadata)},
                {"spec", std::move(spec)}};
  return json_text(document);
}

void copy_texts(const Json& from, const char* field, Json& into) {
  auto map = from.find(field);
  if (map == from.end() || !map->is_object()) return;
  for (const auto& [key, value] : map->items()) {
    into[key] = value.is_string() ? value.get<std::string>() : value.dump();
  }
}

}  // namespace

void add_template_label(const std::string& spec_json, std::map<std::string, std::string>& labels) {
  // Few have one, and a spec may be large.
  if (spec_json.find("\"workflowTemplateRef\"") == std::string::npos) return;
  const Json spec = Json::parse(spec_json, nullptr, false);
  const auto reference = spec.is_object() ? spec.find("workflowTemplateRef") : spec.end();
  if (reference == spec.end() || !reference->is_object()) return;
  const auto name = reference->find("name");
  if (name == reference->end() || !name->is_string()) return;
  const bool cluster = reference->value("clusterScope", false);
  labels[std::string(cluster ? kClusterTemplateLabel : kTemplateLabel)] = name->get<std::string>();
}

std::string template_document(api::ResourceKind kind, const std::string& name) {
  const bool cluster = kind == api::ResourceKind::ClusterWorkflowTemplate;
  Json reference{{"name", name}};
  if (cluster) reference["clusterScope"] = true;
  Json labels{{std::string(cluster ? kClusterTemplateLabel : kTemplateLabel), name}};
  return workflow_document({{"generateName", name + "-"}, {"labels", std::move(labels)}},
                           {{"workflowTemplateRef", std::move(reference)}});
}

Result<std::string> cron_document(const Resource& cron, const std::string& name, Time scheduled) {
  Json object = Json::parse(*cron.json, nullptr, false);
  if (!object.is_object() || !object.contains("spec") || !object["spec"].is_object() ||
      !object["spec"].contains("workflowSpec")) {
    return fail(Code::DataLoss, "the stored CronWorkflow " + cron.name + " cannot be read");
  }
  Json& spec = object["spec"];
  Json labels = Json::object(), annotations = Json::object();
  annotations[std::string(kScheduledTime)] = rfc3339(scheduled);
  if (!name.empty()) {
    for (const char* creator :
         {"workflows.argoproj.io/creator", "workflows.argoproj.io/creator-email",
          "workflows.argoproj.io/creator-preferred-username"}) {
      if (auto it = cron.labels.find(creator); it != cron.labels.end()) {
        labels[creator] = it->second;
      }
    }
  }
  labels[std::string(kCronLabel)] = cron.name;
  if (auto own = spec.find("workflowMetadata"); own != spec.end() && own->is_object()) {
    copy_texts(*own, "labels", labels);
    copy_texts(*own, "annotations", annotations);
  }
  Json metadata = Json::object();
  if (name.empty()) {
    metadata["generateName"] = cron.name + "-";
  } else {
    metadata["name"] = name;
  }
  metadata["labels"] = std::move(labels);
  metadata["annotations"] = std::move(annotations);
  return workflow_document(std::move(metadata), std::move(spec["workflowSpec"]));
}

void add_workflow_metadata(const Resource& resource, std::map<std::string, std::string>& labels,
                           std::map<std::string, std::string>& annotations) {
  const Json object = Json::parse(*resource.json, nullptr, false);
  const Json::json_pointer at("/spec/workflowMetadata");
  if (!object.is_object() || !object.contains(at)) return;
  const Json& metadata = object.at(at);
  if (!metadata.is_object()) return;
  for (const auto& [field, into] :
       {std::pair("labels", &labels), std::pair("annotations", &annotations)}) {
    Json texts = Json::object();
    copy_texts(metadata, field, texts);
    for (const auto& [key, value] : texts.items()) into->emplace(key, value.get<std::string>());
  }
}

}  // namespace gantry
