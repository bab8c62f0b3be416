// Artifacts: what templates take and give, what calls hand over, and where it is kept (argo-workflows
// workflow/validate/validate.go).

#include <algorithm>

#include "workflow/argo/compiler.h"
#include "workflow/artifact_path.h"

namespace gantry::workflow::argo {

bool has_location(const ArtifactLocation& written) {
  if (written.kind.empty()) return false;
  if (written.kind == "raw") return true;
  const Node* key = written.node->find(written.kind == "s3" ? "key" : written.kind == "http" ? "url" : "repo");
  return key != nullptr && !key->text.empty();
}

std::optional<JsonTemplate> Compiler::location(const ArtifactLocation& written, const std::string& where) {
  if (written.kind.empty()) return std::nullopt;
  const std::string path = where + "." + std::string(written.kind);
  auto inner = JsonTemplate::of(*written.node, [&](Mark at, const Error& bad) { error(at, path + ": " + bad.message); });
  return JsonTemplate::wrapped(written.kind, std::move(inner));
}

std::string Compiler::gc_strategy(const ArtifactGc& written, const std::string& where) {
  const std::string_view strategy = written.strategy.value;
  if (!strategy.empty() && strategy != "Never" && strategy != "OnWorkflowCompletion" &&
      strategy != "OnWorkflowDeletion") {
    own_error(written.strategy.at, where + ".strategy must be OnWorkflowCompletion, OnWorkflowDeletion or Never, found \"" +
                                   std::string(strategy) + "\"");
  }
  return std::string(strategy);
}

ArchiveLocation Compiler::archive_location(const ArtifactLocation& written, const std::string& where) {
  ArchiveLocation out;
  out.location = location(written, where);
  if (written.archive_logs.set) out.archive_logs = written.archive_logs.value;
  if (written.kind == "raw" || written.kind == "git") {
    own_error(written.at, where + "." + std::string(written.kind) + ": nothing can be saved there");
  }
  return out;
}

/// What inputs, outputs and arguments have in common. `where` ends in the artifact's name.
workflow::Artifact Compiler::artifact(const argo::Artifact& written, const std::string& where) {
  workflow::Artifact out;
  out.name = written.name.value;
  if (out.name.find("{{") != std::string::npos) out.varying_name = text(written.name, where + ".name");
  out.at = written.at;
  if (!written.path.empty()) out.path = text(written.path, where + ".path");
  if (has_location(written)) out.location = location(written, where);
  if (!written.from.empty()) out.from = text(written.from, where + ".from");
  out.from_expression = formula(written.from_expression, where + ".fromExpression");
  if (!written.sub_path.empty()) out.sub_path = text(written.sub_path, where + ".subPath");
  out.optional = written.optional.value || written.flawed;  // what could not be read is not missed as well
  {
    const OwnChecks own(*this);
    out.mode = file_mode(written.mode, where + ".mode");
  }
  out.recurse_mode = written.recurse_mode.value;
  if (written.archive != nullptr) archive(*written.archive, out, where + ".archive");
  if (!written.global_name.empty()) {
    out.global_name = text(written.global_name, where + ".globalName");
    const std::string bad = out.global_name->is_literal() ? check_parameter_name(written.global_name.value) : "";
    if (!bad.empty()) error(written.global_name.at, where + ".globalName: " + bad);
  }
  out.gc = gc_strategy(written.gc, where + ".artifactGC");
  if (written.kind == "git" && !has_location(written) && !written.flawed) {
    error(written.at, where + ".git.repo is required");
  }
  if (!written.from.empty() && !written.from_expression.empty()) {
    error(written.at, where + " shouldn't have both `from` and `fromExpression` in Artifact");
  }
  return out;
}

void Compiler::archive(const Node& written, workflow::Artifact& out, const std::string& where) {
  if (written.entries.size() > 1) {
    own_error(written.at, where + ": choose one of: tar, none, zip");
    return;
  }
  if (written.entries.empty()) return;
  out.archive = to_json(written);
  const Node* level = written.entries.front().value->find("compressionLevel");
  if (level == nullptr || level->is_null()) return;
  if (level->text.size() != 1 || level->text.front() < '0' || level->text.front() > '9') {
    own_error(level->at, where + ".tar.compressionLevel: expected 0 to 9, found " + std::string(level->text));
  }
}

/// A pod's artifact needs a path, another template's must not have one.
void Compiler::artifact_path(const argo::Template& tmpl, const argo::Artifact& written, const std::string& where) {
  if (written.flawed) return;
  if (tmpl.is_graph() && !written.path.empty()) {
    error(written.path.at, where + ".path only valid in container/script templates");
  } else if (tmpl.is_pod()) {
    const bool varies = written.path.value.find("{{") != std::string_view::npos;
    const auto clean = varies ? Result<std::string>() : clean_artifact_path(written.name.value, written.path.value);
    // Of a path that Kubernetes would refuse, upstream says nothing before there is a pod.
    const bool upstream = written.path.empty() || written.path.value.find("..") != std::string_view::npos;
    const OwnChecks own(*this, !upstream);
    if (!clean) error(written.at, "error in " + where + ": " + clean.error().message);
  }
}

void Compiler::input_artifacts(const argo::Template& written, workflow::Template& out, const std::string& where) {
  const auto& inputs = written.inputs.artifacts.value;
  check_names(inputs, where + ".inputs.artifacts", true);
  std::unordered_map<std::string_view, std::string> mounted;
  for (const VolumeMount& mount : written.container.volume_mounts.value) {
    mounted.emplace(mount.mount_path.value, "container.volumeMounts." + std::string(mount.name.value));
  }
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const argo::Artifact& input = inputs[i];
    const std::string path = where + ".inputs.artifacts." + std::string(input.name.value);
    artifact_path(written, input, path);
    if (!input.from.empty()) error(input.from.at, path + ".from not valid in inputs");
    if (!input.from_expression.empty()) own_error(input.from_expression.at, path + ".fromExpression not valid in inputs");
    const auto [first, fresh] = mounted.emplace(input.path.value, "inputs.artifacts." + std::string(input.name.value));
    if (!fresh && written.is_pod() && !input.path.empty()) {
      const OwnChecks own(*this, !written.container.set);
      error(input.path.at, item_path(where + ".inputs.artifacts", i) + ".path '" + std::string(input.path.value) +
                               "' already mounted in " + first->second);
    }
    out.input_artifacts.push_back(artifact(input, path));
  }
}

void Compiler::output_artifacts(const argo::Template& written, workflow::Template& out, const std::string& where) {
  check_names(written.outputs.artifacts.value, where + ".outputs.artifacts", true);
  for (const argo::Artifact& output : written.outputs.artifacts.value) {
    const std::string path = where + ".outputs.artifacts." + std::string(output.name.value);
    artifact_path(written, output, path);
    if (written.is_pod() && (output.kind == "raw" || output.kind == "git")) {
      own_error(output.at, path + "." + std::string(output.kind) + ": nothing can be saved there");
    }
    out.output_artifacts.push_back(artifact(output, path));
  }
  const bool has_main = std::any_of(written.container_set.containers.value.begin(),
                                    written.container_set.containers.value.end(),
                                    [](const ContainerNode& one) { return one.name.value == "main"; });
  if (written.container_set.set && !has_main &&
      (!written.inputs.artifacts.value.empty() || !written.outputs.artifacts.value.empty())) {
    error(written.container_set.at,
          where + ".containerSet.containers must have a container named \"main\" for input or output");
  }
}

std::vector<workflow::Artifact> Compiler::artifact_arguments(const Arguments& written, const std::string& prefix) {
  std::vector<workflow::Artifact> out;
  check_names(written.artifacts.value, prefix + "artifacts", true);
  for (const argo::Artifact& artifact : written.artifacts.value) {
    const std::string name = prefix + std::string(artifact.name.value);
    const bool given = !artifact.from.empty() || !artifact.from_expression.empty() || has_location(artifact);
    if (!given && !artifact.flawed) error(artifact.at, name + ".from, artifact location, or key is required");
    out.push_back(this->artifact(artifact, name));
  }
  return out;
}

void Compiler::artifacts_supplied(Mark at, bool flawed, const std::vector<workflow::Artifact>& arguments, Index callee,
                                  const std::string& where) {
  if (callee == kNone || flawed) return;
  const workflow::Template& called = templates_[callee];
  for (const workflow::Artifact& input : called.input_artifacts) {
    if (input.optional || input.location) continue;
    if (std::any_of(arguments.begin(), arguments.end(), [&](const auto& one) { return one.name == input.name; })) continue;
    error(at, where + "templates." + called.name + " inputs.artifacts." + input.name + " was not supplied");
  }
}

}  // namespace gantry::workflow::argo
