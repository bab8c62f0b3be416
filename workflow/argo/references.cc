#include "workflow/argo/references.h"

#include <algorithm>
#include <array>
#include <utility>

#include "workflow/suggestion.h"

namespace gantry::workflow::argo {
namespace {

std::string concat(std::initializer_list<std::string_view> parts) {
  std::string out;
  for (const std::string_view part : parts) out += part;
  return out;
}

/// What every step and task offers, whatever it calls.
constexpr std::array<std::string_view, 5> kNodeFields = {"id", "status", "startedAt", "finishedAt",
                                                         "hostNodeName"};
/// What it offers besides when it calls a container or script template.
constexpr std::array<std::string_view, 2> kPodFields = {"exitCode", "outputs.result"};
constexpr std::string_view kOutputParameter = "outputs.parameters.";
constexpr std::string_view kOutputArtifact = "outputs.artifacts.";

/// Nothing is said of what a template offers when part of it could not be read.
bool offers_anything(const Template* callee) {
  return callee == nullptr || callee->flawed || callee->other_kinds != 0 || callee->outputs.flawed;
}

bool offers(const Template* callee, std::string_view field) {
  if (offers_anything(callee)) return true;
  if (std::find(kNodeFields.begin(), kNodeFields.end(), field) != kNodeFields.end()) return true;
  if (field == "outputs.result" && (callee->http.set || callee->data.set)) return true;
  if (std::find(kPodFields.begin(), kPodFields.end(), field) != kPodFields.end())
    return callee->is_pod();
  if (field == "ip") return callee->daemon.value;
  if (field == "outputs.parameters") return !callee->outputs.parameters.value.empty();
  if (field.starts_with(kOutputArtifact)) {
    field.remove_prefix(kOutputArtifact.size());
    const auto& artifacts = callee->outputs.artifacts.value;
    return std::any_of(artifacts.begin(), artifacts.end(),
                       [&](const Artifact& output) {
                         return output.name.value == field || output.name.value.find("{{") != std::string_view::npos;
                       });
  }
  if (!field.starts_with(kOutputParameter)) return false;
  field.remove_prefix(kOutputParameter.size());
  const auto& outputs = callee->outputs.parameters.value;
  return std::any_of(outputs.begin(), outputs.end(),
                     [&](const Parameter& output) { return output.name.value == field; });
}

}  // namespace

void NameSet::add_items(const Call& call) {
  if (!call.is_loop()) return;
  add("item");
  if (!call.with_param.empty()) add_prefix("item.");
  if (call.with_items == nullptr) return;
  for (const Node* item : call.with_items->items) {
    for (const Node::Entry& entry : item->entries) add(concat({"item.", entry.key}));
  }
}

void NameSet::set_nodes(std::string_view kind, Hidden hidden) {
  kind_ = concat({kind, "."});
  hidden_ = std::move(hidden);
  add(concat({kind, ".name"}));
}

std::optional<NameSet::NodeReference> NameSet::node_of(std::string_view name) const {
  if (kind_.empty() || !name.starts_with(kind_)) {
    return outer_ == nullptr ? std::nullopt : outer_->node_of(name);
  }
  const std::string_view node =
      name.substr(kind_.size(), name.find('.', kind_.size()) - kind_.size());
  if (!nodes_.contains(node)) return std::nullopt;
  return NodeReference{node, hidden_ ? hidden_(node) : std::nullopt};
}

bool NameSet::contains(std::string_view name) const {
  if (names_.contains(std::string(name))) return true;
  for (const std::string& prefix : prefixes_) {
    if (name.starts_with(prefix)) return true;
  }
  if (!kind_.empty() && name.starts_with(kind_)) {
    const auto reference = node_of(name);
    if (!reference || reference->hidden) return false;
    const std::size_t field = kind_.size() + reference->node.size() + 1;
    return field <= name.size() && offers(nodes_.at(reference->node), name.substr(field));
  }
  return outer_ != nullptr && outer_->contains(name);
}

bool NameSet::passes_argo(std::string_view name) const {
  if (kind_.empty() || !name.starts_with(kind_)) return outer_ != nullptr && outer_->passes_argo(name);
  const auto reference = node_of(name);
  // A status is known only behind the node.
  if (!reference || !reference->hidden || reference->hidden->argos || name.ends_with(".status")) return false;
  const std::size_t field = kind_.size() + reference->node.size() + 1;
  return field <= name.size() && offers(nodes_.at(reference->node), name.substr(field));
}

void NameSet::collect(std::vector<std::string>& names, std::string_view like) const {
  names.insert(names.end(), names_.begin(), names_.end());
  if (outer_ != nullptr) outer_->collect(names, like);
  if (kind_.empty() || !like.starts_with(kind_)) return;
  const auto reference = node_of(like);
  if (reference) {
    const std::string node = concat({kind_, reference->node, "."});
    const Template* callee = nodes_.at(reference->node);
    for (const std::string_view field : kNodeFields) names.push_back(node + std::string(field));
    if (offers_anything(callee)) return;
    for (const Parameter& output : callee->outputs.parameters.value) {
      names.push_back(concat({node, kOutputParameter, output.name.value}));
    }
    for (const Artifact& output : callee->outputs.artifacts.value) {
      names.push_back(concat({node, kOutputArtifact, output.name.value}));
    }
    if (callee->is_graph()) return;
    for (const std::string_view field : kPodFields) names.push_back(node + std::string(field));
    return;
  }
  // The node's name is wrong, so what was meant is another node's field of the same name.
  const std::size_t end = std::min(like.find('.', kind_.size()), like.size());
  for (const auto& [node, callee] : nodes_) {
    std::string name = concat({kind_, node, like.substr(end)});
    if (contains(name)) names.push_back(std::move(name));
  }
}

std::string NameSet::hint(std::string_view name) const {
  if (const auto reference = node_of(name); reference && reference->hidden)
    return concat({" (", reference->hidden->text, ")"});
  std::vector<std::string> names;
  collect(names, name);
  std::sort(names.begin(), names.end());  // of two that are as near, always the same one
  const std::vector<std::string_view> views(names.begin(), names.end());
  const std::string_view near = nearest(name, views);
  return near.empty() ? std::string() : concat({" (did you mean {{", near, "}}?)"});
}

void check_references(const Text& text, const NameSet& names, Mark at, std::string_view where,
                      bool lint, Diagnostics& diagnostics) {
  if (text.is_literal()) return;
  text.for_each_reference([&](const Reference& reference) {
    const std::string_view name = reference.name;
    // Upstream does not look into expressions; what is missing there is nil, or an error once it is evaluated.
    if (reference.expression || names.contains(name)) return;
    if (lint && names.passes_argo(name)) {
      diagnostics.warning(at, concat({where, " fails to resolve {{", name, "}} when it runs", names.hint(name)}));
      return;
    }
    if (has_known_prefix(name)) {
      diagnostics.error(at, concat({where, " failed to resolve {{", name, "}}", names.hint(name)}));
      return;
    }
    const bool looks_like_ours = name == "item" || name == "retries" ||
                                 name.starts_with("lastRetry.") || name == "node.name" ||
                                 name.starts_with("outputs.");
    if (looks_like_ours) {
      diagnostics.warning(at, concat({where, " nothing defines {{", name,
                                      "}} here, it stays as it is", names.hint(name)}));
    }
  });
}

NameSet workflow_names(const Workflow& workflow) {
  NameSet names;
  for (const std::string_view name :
       {"name", "namespace", "uid", "mainEntrypoint", "serviceAccountName", "status", "duration",
        "creationTimestamp", "labels", "labels.json", "annotations", "annotations.json"}) {
    names.add(concat({"workflow.", name}));
  }
  for (const std::string_view prefix : {"creationTimestamp", "scheduledTime", "duration"}) {
    names.add_prefix(concat({"workflow.", prefix}));
  }
  if (workflow.spec.priority.set) names.add("workflow.priority");
  // A template may be given more by the workflow that uses it.
  if (workflow.is_template) names.add_prefix("workflow.parameters");
  const auto& parameters = workflow.spec.arguments.parameters.value;
  if (!parameters.empty()) {
    names.add("workflow.parameters");
    names.add("workflow.parameters.json");
  }
  for (const Parameter& parameter : parameters)
    names.add(concat({"workflow.parameters.", parameter.name.value}));
  for (const KeyValue& label : workflow.metadata.labels.value)
    names.add(concat({"workflow.labels.", label.key}));
  const WorkflowMetadata& added = workflow.spec.workflow_metadata;
  for (const KeyValue& label : added.labels.value) names.add(concat({"workflow.labels.", label.key}));
  for (const NamedLabelFrom& label : added.labels_from.value) names.add(concat({"workflow.labels.", label.key}));
  for (const KeyValue& annotation : added.annotations.value) names.add(concat({"workflow.annotations.", annotation.key}));
  for (const KeyValue& annotation : workflow.metadata.annotations.value) {
    names.add(concat({"workflow.annotations.", annotation.key}));
  }
  return names;
}

static void add_global_output(std::string_view prefix, const Str& name, NameSet& names) {
  if (name.empty()) return;
  if (name.value.find("{{") == std::string_view::npos) {
    names.add(concat({prefix, name.value}));
  } else {
    names.add_prefix(std::string(prefix));
  }
}

static void add_global_outputs(const Template& tmpl, NameSet& names) {
  for (const Parameter& output : tmpl.outputs.parameters.value) {
    add_global_output("workflow.outputs.parameters.", output.global_name, names);
  }
  for (const Artifact& output : tmpl.outputs.artifacts.value) {
    add_global_output("workflow.outputs.artifacts.", output.global_name, names);
  }
}

void add_global_outputs(const Resolution& resolution, NameSet& names) {
  for (const Template* tmpl : resolution.templates) add_global_outputs(*tmpl, names);
}

void add_exit_handler_names(NameSet& names) { names.add("workflow.failures"); }

NameSet template_names(const Template& tmpl, const NameSet& workflow, bool has_retries) {
  NameSet names(&workflow);
  if (tmpl.inputs.flawed) names.add_prefix("inputs.");
  if (!tmpl.inputs.parameters.value.empty()) names.add("inputs.parameters");
  for (const Parameter& input : tmpl.inputs.parameters.value) {
    names.add(concat({"inputs.parameters.", input.name.value}));
  }
  for (const Artifact& input : tmpl.inputs.artifacts.value) {
    names.add(concat({"inputs.artifacts.", input.name.value}));
    if (!tmpl.is_graph()) names.add(concat({"inputs.artifacts.", input.name.value, ".path"}));
  }
  names.add("node.name");
  // The step or task that the template is called as.
  names.add("steps.name");
  names.add("tasks.name");
  if (tmpl.is_pod() || tmpl.other_kinds != 0) {
    names.add("pod.name");
    for (const Parameter& output : tmpl.outputs.parameters.value) {
      if (!output.value_from.path.empty())
        names.add(concat({kOutputParameter, output.name.value, ".path"}));
    }
    for (const Artifact& output : tmpl.outputs.artifacts.value) {
      names.add(concat({kOutputArtifact, output.name.value, ".path"}));
    }
  }
  if (tmpl.retry_strategy.set || has_retries) {
    for (const std::string_view name : {"retries", "lastRetry.exitCode", "lastRetry.status",
                                        "lastRetry.duration", "lastRetry.message"}) {
      names.add(std::string(name));
    }
  }
  return names;
}

}  // namespace gantry::workflow::argo
