// The artifacts of workflows: downloaded, and deleted with their workflow.

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "daemon/backend.h"

namespace gantry {
namespace {

template <class Visit>
void for_each_node(const std::variant<const engine::Run*, StoredRun>& found, Visit visit) {
  if (const auto* live = std::get_if<const engine::Run*>(&found)) {
    for (const engine::Node& node : (*live)->nodes) visit(node);
  } else {
    for (const engine::Node& node : std::get<StoredRun>(found).nodes) visit(node);
  }
}

/// The key in the run's own repository, "" for other places.
std::string own_key(const engine::Artifact& artifact) {
  const auto location = nlohmann::json::parse(artifact.location, nullptr, false);
  if (!location.is_object() || !location.contains("s3") || location["s3"].contains("bucket")) return "";
  return location["s3"].value("key", "");
}

std::string file_name(const engine::Artifact& artifact) {
  const auto location = nlohmann::json::parse(artifact.location, nullptr, false);
  std::string key;
  if (location.is_object() && location.contains("s3")) key = location["s3"].value("key", "");
  if (location.is_object() && location.contains("http")) key = location["http"].value("url", "");
  key = key.substr(key.rfind('/') + 1);
  return key.empty() ? artifact.name : key;
}

}  // namespace

workflow::RepositoryRef DaemonBackend::repository_of(const Found& found) {
  if (const auto* live = std::get_if<const engine::Run*>(&found)) return (*live)->plan->artifact_repository;
  const auto spec = nlohmann::json::parse(std::get<StoredRun>(found).info.spec_json, nullptr, false);
  if (!spec.is_object() || !spec.contains("artifactRepositoryRef")) return {};
  const auto& ref = spec["artifactRepositoryRef"];
  if (!ref.is_object()) return {};
  return {ref.value("configMap", ""), ref.value("key", "")};
}

/// Those whose strategy says so; without one, those under a key that Gantry made.
std::vector<engine::Artifact> DaemonBackend::artifacts_of_deleted(const Found& found) const {
  std::vector<engine::Artifact> artifacts;
  const std::string own = run_info_of(found).name + "/";
  for_each_node(found, [&](const engine::Node& node) {
    if (node.type != engine::NodeType::Pod || node.memo->hit) return;
    for (const engine::Artifact& artifact : node.outputs->artifacts) {
      std::string strategy = artifact.gc;
      if (strategy.empty() && own_key(artifact).starts_with(own)) strategy = daemon_.settings().artifact_gc;
      // What was to go when the workflow was over may still be there: the daemon was killed then.
      if (strategy == "OnWorkflowDeletion" || strategy == "OnWorkflowCompletion") artifacts.push_back(artifact);
    }
  });
  return artifacts;
}

void DaemonBackend::artifact(api::ArtifactQuery query, api::Reply<std::shared_ptr<api::ArtifactFile>> reply) {
  auto answer = [this, query, reply = std::move(reply)](Result<Found> found) {
    if (!found) return reply(fail(std::move(found.error())));
    read_artifact(*found, query, reply);
  };
  if (query.uid.empty()) return find(query.name_space, query.name, std::move(answer));
  if (const engine::Run* live = daemon_.engine().find_uid(query.uid)) return answer(live);
  daemon_.store().load(query.uid, [uid = query.uid, answer = std::move(answer)](Result<std::vector<StoredRun>> runs) {
    if (!runs) return answer(fail(std::move(runs.error())));
    if (runs->empty()) return answer(fail(workflow_not_found(uid)));
    answer(std::move(runs->front()));
  });
}

void DaemonBackend::read_artifact(const Found& found, const api::ArtifactQuery& query,
                                  api::Reply<std::shared_ptr<api::ArtifactFile>> reply) {
  std::optional<engine::Artifact> wanted;
  for_each_node(found, [&](const engine::Node& node) {
    if (node.id != query.node_id) return;
    for (const engine::Artifact& artifact : query.input ? node.inputs.artifacts : node.outputs->artifacts) {
      if (artifact.name == query.artifact) wanted = artifact;
    }
  });
  if (!wanted || wanted->location.empty() || daemon_.artifacts() == nullptr) {
    return reply(fail(Code::NotFound, "artifact not found: " + query.artifact + ", node " + query.node_id));
  }
  if (wanted->deleted) return reply(fail(Code::NotFound, "artifact " + query.artifact + " was deleted (artifactGC)"));
  daemon_.artifacts()->read(*wanted, run_info_of(found).name_space, repository_of(found),
                            [reply = std::move(reply), name = file_name(*wanted)](Result<UniqueFd> content) {
                              if (!content) return reply(fail(std::move(content.error())));
                              reply(std::make_shared<api::ArtifactFile>(std::move(*content), name));
                            });
}

}  // namespace gantry
