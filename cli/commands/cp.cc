#include <filesystem>

#include "cli/commands/commands.h"

namespace gantry::cli {
namespace {

struct CpOptions {
  std::string workflow, directory;
  std::string node_id, template_name, artifact_name;
  std::string path = "{namespace}/{workflowName}/{nodeId}/outputs/{artifactName}";
};

void replace(std::string& text, const std::string& what, const std::string& with) {
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += with.size()) {
    text.replace(at, what.size(), with);
  }
}

/// The last part of the key or URL under which it is kept.
std::string file_name(const Json& artifact) {
  std::string key = text_at(artifact, {"s3", "key"});
  if (key.empty()) key = text_at(artifact, {"http", "url"});
  key = key.substr(key.rfind('/') + 1);
  return key.empty() || key == ".." ? text_at(artifact, {"name"}) : key;
}

/// `path` below the directory; nothing that a workflow says leads out of it.
Result<std::filesystem::path> place_of(const CpOptions& options, const Json& workflow, const Json& node,
                                       const Json& artifact) {
  std::string path = options.path;
  replace(path, "{namespace}", text_at(workflow, {"metadata", "namespace"}));
  replace(path, "{workflowName}", text_at(workflow, {"metadata", "name"}));
  replace(path, "{templateName}", text_at(node, {"templateName"}));
  replace(path, "{nodeId}", text_at(node, {"id"}));
  replace(path, "{artifactName}", text_at(artifact, {"name"}));
  const std::filesystem::path relative = std::filesystem::path("./" + path).lexically_normal();
  if (*relative.begin() == "..") return fail(Code::InvalidArgument, "--path leads out of the directory: " + path);
  const std::filesystem::path place = std::filesystem::path(options.directory) / relative;
  std::error_code error;
  std::filesystem::create_directories(place, error);
  if (error) return fail(errno_error("create " + place.string(), error.value()));
  return place / file_name(artifact);
}

Result<void> download(Session& session, const std::string& path, const std::filesystem::path& to) {
  std::FILE* file = std::fopen(to.c_str(), "we");
  if (file == nullptr) return fail(errno_error("create " + to.string(), errno));
  auto done = session.client->download({.method = "GET", .path = path}, file);
  if (std::fclose(file) != 0 && done) done = fail(errno_error("write " + to.string(), errno));
  if (!done) std::filesystem::remove(to);
  return done;
}

int copy(Session& session, const CpOptions& options) {
  Result<Json> workflow = session.get_workflow(options.workflow);
  if (!workflow) return report(workflow.error());
  const std::string name_space = text_at(*workflow, {"metadata", "namespace"});
  const std::string name = text_at(*workflow, {"metadata", "name"});
  std::size_t found = 0;
  for (const auto& [id, node] : at(*workflow, {"status", "nodes"}).items()) {
    const bool wanted = (options.node_id.empty() || options.node_id == id) &&
                        (options.template_name.empty() || options.template_name == text_at(node, {"templateName"}));
    if (!wanted) continue;
    for (const Json& artifact : at(node, {"outputs", "artifacts"})) {
      const std::string artifact_name = text_at(artifact, {"name"});
      if (!options.artifact_name.empty() && options.artifact_name != artifact_name) continue;
      ++found;
      auto place = place_of(options, *workflow, node, artifact);
      if (!place) return report(place.error());
      const std::string path = "/artifacts/" + encode(name_space) + "/" + encode(name) + "/" + encode(id) + "/" +
                               encode(artifact_name);
      if (auto done = download(session, path, *place); !done) return report(done.error());
      print_line("Created \"" + place->lexically_normal().string() + "\"");
    }
  }
  if (found == 0) return report("no artifacts found in " + name);
  return 0;
}

}  // namespace

void add_cp(Command& root, Session& session) {
  auto options = std::make_shared<CpOptions>();
  root.add("cp", "Copy a workflow's output artifacts to a directory", "Workflows")
      .argument("WORKFLOW", options->workflow, "The name; @latest is the newest")
      .argument("DIRECTORY", options->directory, "Made if it is missing")
      .option("--node-id", options->node_id, "Only of this step")
      .option("--template-name", options->template_name, "Only of steps of this template")
      .option("--artifact-name", options->artifact_name, "Only artifacts of this name")
      .option("--path", options->path,
              "Below the directory [{namespace}/{workflowName}/{nodeId}/outputs/{artifactName}]; {templateName} too")
      .action([&session, options] { return copy(session, *options); });
}

}  // namespace gantry::cli
