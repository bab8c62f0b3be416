// Artifacts of calls: what they are given, what they give, where it is kept (argo-workflows
// workflow/controller/{scope,operator}.go, workflow/common/util.go ProcessArgs, workflow/executor/executor.go).

#include <algorithm>

#include "daemon/engine/impl.h"
#include "daemon/engine/json_text.h"
#include "daemon/engine/pod_spec.h"
#include "workflow/artifact_path.h"

namespace gantry::engine {

namespace {

using Render = std::function<Result<std::string>(const workflow::Text&)>;

/// Texts see what stands around them; of a template also which outputs are absent.
Render renderer(const workflow::Scope& scope) {
  return [&scope](const workflow::Text& text) {
    const auto* call = dynamic_cast<const CallScope*>(&scope);
    return call != nullptr ? render(text, *call) : text.render(scope);
  };
}

Result<std::string> name_of(const workflow::Artifact& declared, const Render& one) {
  if (!declared.varying_name) return declared.name;
  return one(*declared.varying_name);
}

/// The artifact as declared, without what `from` would give.
Result<Artifact> declared_artifact(const workflow::Artifact& declared, const Render& one) {
  Artifact out;
  auto name = name_of(declared, one);
  if (!name) return fail(std::move(name.error()));
  out.name = std::move(*name);
  out.archive = declared.archive;
  out.mode = declared.mode;
  out.recurse_mode = declared.recurse_mode;
  out.optional = declared.optional;
  out.gc = declared.gc;
  if (declared.path) {
    auto path = one(*declared.path);
    if (!path) return fail(std::move(path.error()));
    auto clean = workflow::clean_artifact_path(declared.name, *path);
    if (!clean) return fail(std::move(clean.error()));
    out.path = std::move(*clean);
  }
  if (declared.location) {
    auto location = declared.location->render(one);
    if (!location) return fail(std::move(location.error()));
    out.location = std::move(*location);
  }
  if (declared.sub_path) {
    auto sub_path = one(*declared.sub_path);
    if (!sub_path) return fail(std::move(sub_path.error()));
    out.sub_path = join_path("", *sub_path);
  }
  return out;
}

/// What `from` or `fromExpression` names. NotFound: nothing is there.
Result<Artifact> referenced_artifact(const workflow::Artifact& declared, const workflow::Scope& scope) {
  std::string json;
  if (declared.from_expression) {
    auto value = evaluate(*declared.from_expression, scope);
    if (!value) return fail(Error(value.error()).wrap("artifact " + declared.name));
    if (value->is_nil()) return fail(Code::NotFound, "Unable to resolve: artifact " + declared.name);
    auto text = workflow::expr::to_text(*value);
    if (!text) return fail(std::move(text.error()));
    json = std::move(*text);
  } else {
    const std::string& source = declared.from->source();
    auto text = declared.from->render(scope);
    const bool absent = !text && text.error().code == Code::NotFound;
    if (absent) return fail(Code::NotFound, "Unable to resolve: \"" + source.substr(2, source.size() - 4) + "\"");
    if (!text) return fail(text.error());
    json = std::move(*text);
  }
  auto artifact = artifact_from_json(json);
  if (artifact) return artifact;
  const std::string& source = declared.from ? declared.from->source() : declared.name;
  return fail(Code::InvalidArgument, "Variable " + source + " is not an artifact");
}

/// A declared artifact with what it refers to. Under its own name; the rest is the producer's.
Result<Artifact> resolved_artifact(const workflow::Artifact& declared, const workflow::Scope& scope) {
  const Render one = renderer(scope);
  if (!declared.from && !declared.from_expression) return declared_artifact(declared, one);
  auto artifact = referenced_artifact(declared, scope);
  if (!artifact) return artifact;
  auto name = name_of(declared, one);
  if (!name) return fail(std::move(name.error()));
  artifact->name = std::move(*name);
  artifact->global_name.clear();
  if (declared.sub_path) {
    auto sub_path = one(*declared.sub_path);
    if (!sub_path) return fail(std::move(sub_path.error()));
    artifact->sub_path = join_path(artifact->sub_path, *sub_path);
  }
  return artifact;
}

const Artifact* artifact_named(const std::vector<Artifact>& artifacts, std::string_view name) {
  const auto found = std::find_if(artifacts.begin(), artifacts.end(), [&](auto& one) { return one.name == name; });
  return found == artifacts.end() ? nullptr : &*found;
}

/// What an output is called where it is kept (executor.go stageArchiveFile).
std::string file_name(const Artifact& artifact) {
  if (artifact.archive.starts_with("{\"none\"")) return artifact.path.substr(artifact.path.rfind('/') + 1);
  return artifact.name + (artifact.archive.starts_with("{\"zip\"") ? ".zip" : ".tgz");
}

}  // namespace

Result<std::vector<Artifact>> Engine::Impl::resolve_artifacts(const std::vector<workflow::Artifact>& arguments,
                                                              const workflow::Scope& scope) {
  std::vector<Artifact> out;
  for (const workflow::Artifact& argument : arguments) {
    auto artifact = resolved_artifact(argument, scope);
    if (artifact) {
      out.push_back(std::move(*artifact));
    } else if (!argument.optional || artifact.error().code != Code::NotFound) {
      return fail(std::move(artifact.error()));
    }
  }
  return out;
}

/// The argument with the input's path and modes, else the input's own location.
Result<std::vector<Artifact>> Engine::Impl::resolve_input_artifacts(const Call& call,
                                                                    const std::vector<Artifact>& arguments) {
  std::vector<Artifact> inputs;
  const CallScope scope(*call.live, call, now_);
  for (const workflow::Artifact& declared : call.tmpl->input_artifacts) {
    auto own = declared_artifact(declared, renderer(scope));
    if (!own) return fail(std::move(own.error()));
    const Artifact* given = artifact_named(arguments, declared.name);
    if (given == nullptr) {
      if (own->location.empty() && !own->optional) {
        return fail(Code::InvalidArgument, "inputs.artifacts." + declared.name + " was not supplied");
      }
      inputs.push_back(std::move(*own));
      continue;
    }
    Artifact input = *given;
    if (input.location.empty() && own->location.empty() && !own->optional) {
      return fail(Code::InvalidArgument, "inputs.artifacts." + declared.name + " missing location information");
    }
    input.path = std::move(own->path);
    input.mode = own->mode;
    input.recurse_mode = own->recurse_mode;
    input.optional = own->optional || input.optional;
    input.gc.clear();
    inputs.push_back(std::move(input));
  }
  return inputs;
}

Result<void> Engine::Impl::graph_output_artifacts(Call& call) {
  const CallScope scope(*call.live, call, now_);
  for (const workflow::Artifact& declared : call.tmpl->output_artifacts) {
    if (!declared.from && !declared.from_expression) continue;
    auto artifact = resolved_artifact(declared, scope);
    if (artifact) {
      call.node->outputs.edit().artifacts.push_back(std::move(*artifact));
    } else if (!declared.optional || artifact.error().code != Code::NotFound) {
      return fail(std::move(artifact.error()).wrap("unable to resolve outputs from scope"));
    }
  }
  return {};
}

Result<PodArtifacts> Engine::Impl::pod_artifacts(const Call& call, const CallScope& scope, runtime::PodSpec& pod) {
  const Live& live = *call.live;
  const workflow::Plan& plan = *live.run.plan;
  PodArtifacts out;
  out.repository = plan.artifact_repository;
  const workflow::PodTemplate& tmpl = plan.pods[call.tmpl->body];
  for (const Artifact& input : call.node->inputs.artifacts) {
    if (input.location.empty()) continue;
    PodArtifacts::Input& one = out.inputs.emplace_back();
    one.artifact = input;
    for (const auto& container : pod.containers) {
      const bool mirrors = std::any_of(tmpl.beside.begin(), tmpl.beside.end(), [&](const workflow::Container& other) {
        return other.name == container.name && other.mirror_volume_mounts;
      });
      if (container.role == runtime::Role::Main || mirrors) one.containers.push_back(container.name);
    }
  }
  const auto default_location = [&](const std::string& file) -> Result<std::string> {
    const std::string prefix = live.run.info.name + "/" + pod_name(live.run.info.name, *call.node) + "/";
    if (!call.tmpl->archive.location) return "{\"s3\":{\"key\":" + json_string(prefix + file) + "}}";
    auto location = call.tmpl->archive.location->render(renderer(scope));
    if (!location) return location;
    return location_with_file(*location, prefix, file);
  };
  for (const workflow::Artifact& declared : call.tmpl->output_artifacts) {
    auto output = declared_artifact(declared, renderer(scope));
    if (!output) return fail(std::move(output.error()));
    if (output->location.empty()) {
      auto location = default_location(file_name(*output));
      if (!location) return fail(std::move(location.error()));
      output->location = std::move(*location);
    }
    if (output->gc.empty()) output->gc = plan.artifact_gc;
    pod.output_artifacts.push_back({output->name, container_of_path(pod, output->path), output->path, ""});
    out.outputs.push_back(std::move(*output));
  }
  if (!call.tmpl->archive.archive_logs.value_or(plan.archive_logs.value_or(false)) && !settings_.archive_logs) return out;
  for (const auto& container : pod.containers) {
    if (container.role != runtime::Role::Main) continue;
    Artifact log;
    log.name = container.name + "-logs";
    log.archive = "{\"none\":{}}";
    auto location = default_location(container.name + ".log");
    if (!location) return fail(std::move(location.error()));
    log.location = std::move(*location);
    out.logs.push_back({container.name, std::move(log)});
  }
  return out;
}

/// Fills the node's output artifacts with what was saved. Returns why a required one is missing.
std::string Engine::Impl::take_output_artifacts(Call& call, const runtime::PodExit& exit) {
  const PodArtifacts& artifacts = call.pod->made->artifacts;
  std::string missing;
  for (const Artifact& output : artifacts.outputs) {
    const auto found = exit.artifacts.find(output.name);
    if (found != exit.artifacts.end() && found->second) {
      call.node->outputs.edit().artifacts.push_back(output);
      continue;
    }
    const Error error = found == exit.artifacts.end() ? Error{Code::NotFound, "nothing was saved"} : found->second.error();
    if (output.optional && error.code == Code::NotFound) continue;
    missing += "artifact " + output.name + " at " + output.path + ": " + error.message + "; ";
  }
  for (const PodArtifacts::Log& log : artifacts.logs) {
    const auto found = exit.artifacts.find(log.artifact.name);
    if (found != exit.artifacts.end() && found->second) call.node->outputs.edit().artifacts.push_back(log.artifact);
  }
  return missing;
}

/// artifactGC: OnWorkflowCompletion. They are marked in the transaction that ends the run.
void Engine::Impl::delete_artifacts(Live& live) {
  RemoveArtifacts effect{live.run.info.name_space, live.run.plan->artifact_repository, {}};
  for (Node& node : live.run.nodes) {
    if (node.outputs->artifacts.empty()) continue;
    for (Artifact& artifact : node.outputs.edit().artifacts) {
      if (artifact.gc != "OnWorkflowCompletion" || std::exchange(artifact.deleted, true)) continue;
      if (node.type == NodeType::Pod) effect.artifacts.push_back(artifact);
      mark(live, node);
    }
  }
  if (!effect.artifacts.empty()) durable_effect(std::move(effect));
}

/// globalName: the output becomes the run's.
void Engine::Impl::export_artifacts(Call& call) {
  Live& live = *call.live;
  for (const workflow::Artifact& declared : call.tmpl->output_artifacts) {
    if (!declared.global_name) continue;
    const CallScope scope(live, call, now_);
    const auto own = name_of(declared, renderer(scope));
    const Artifact* given = own ? artifact_named(call.node->outputs->artifacts, *own) : nullptr;
    auto name = render(*declared.global_name, scope);
    if (!name || given == nullptr) continue;
    Artifact global = *given;
    global.name = *name;
    global.path.clear();
    auto& outputs = live.run.status.outputs.artifacts;
    std::erase_if(outputs, [&](const Artifact& one) { return one.name == global.name; });
    outputs.push_back(std::move(global));
    mark_status(live);
  }
}

}  // namespace gantry::engine
