#include "workflow/parse.h"

#include <algorithm>
#include <array>

#include "workflow/argo/compile.h"
#include "workflow/argo/lint_unread.h"
#include "workflow/argo/merge.h"
#include "workflow/argo/metadata.h"
#include "workflow/argo/overrides.h"
#include "workflow/argo/reader.h"
#include "workflow/argo/references.h"
#include "workflow/check.h"
#include "workflow/cron_workflow.h"
#include "workflow/document.h"
#include "workflow/suggestion.h"

namespace gantry::workflow {
namespace {

using argo::get;

constexpr std::string_view kGroup = "argoproj.io/";
constexpr std::string_view kApiVersion = "argoproj.io/v1alpha1";
constexpr std::array<std::string_view, 5> kKinds = {"Workflow", "WorkflowTemplate", "ClusterWorkflowTemplate",
                                                    "CronWorkflow", "WorkflowEventBinding"};

/// The kind of an object, or nothing and an error.
std::optional<std::string_view> kind_of(const Node& root, Format format, const Options& options,
                                        Diagnostics& diagnostics) {
  if (!root.is_map()) {
    diagnostics.error(root.at, "expected a Workflow object, found " + std::string(kind_name(root)));
    return std::nullopt;
  }
  const Node* kind = root.find("kind");
  const Node* version = root.find("apiVersion");
  const bool has_kind = kind != nullptr && kind->is_scalar() && !kind->text.empty();
  if (!has_kind && format == Format::Yaml) {
    diagnostics.error(root.at, "Object 'Kind' is missing: a Workflow begins with \"apiVersion: " +
                                   std::string(kApiVersion) + "\" and \"kind: Workflow\"");
    return std::nullopt;
  }
  const std::string_view name = has_kind ? kind->text : options.default_kind;
  if (std::find(kKinds.begin(), kKinds.end(), name) == kKinds.end()) {
    diagnostics.error(kind->at, "not supported yet: kind " + std::string(name) +
                                    did_you_mean(name, {kKinds.begin(), kKinds.end()}));
    return std::nullopt;
  }
  if (version != nullptr && version->is_scalar() && !version->text.empty() &&
      version->text != kApiVersion) {
    diagnostics.error(version->at,
                      version->text.starts_with(kGroup)
                          ? "not supported yet: apiVersion " + std::string(version->text)
                          : "apiVersion of a " + std::string(name) + " is " + std::string(kApiVersion) +
                                ", found \"" + std::string(version->text) + "\"");
    return std::nullopt;
  }
  return name;
}

/// What a workflow is checked for: to run, as a template of others, or as what a CronWorkflow starts.
enum class Use : std::uint8_t { Run, Template, Scheduled };

/// The errors of one object in the order of their places, after what was reported before.
void add_sorted(const Diagnostics& found, const Node& root, Diagnostics& diagnostics) {
  std::vector<Diagnostic> sorted = found.items();
  std::stable_sort(sorted.begin(), sorted.end(), [](const Diagnostic& a, const Diagnostic& b) {
    return a.at.line != b.at.line ? a.at.line < b.at.line : a.at.column < b.at.column;
  });
  for (Diagnostic& diagnostic : sorted) {
    if (diagnostic.at.line == 0) diagnostic.at = root.at;
    diagnostics.add(std::move(diagnostic));
  }
}

/// The workflow with the spec of the template that it refers to laid under its own, and
/// templateDefaults under its templates (argo-workflows workflow/util/merge.go JoinWorkflowSpec).
const Node* with_templates(Document& document, const Node* root, argo::Libraries& libraries, Diagnostics& found) {
  const Node* spec = get(root, "spec");
  if (spec == nullptr || !spec->is_map()) return root;
  const Node* ref = get(spec, "workflowTemplateRef");
  if (ref != nullptr && ref->is_map()) {
    const Node* name = get(ref, "name");
    const Node* cluster = get(ref, "clusterScope");
    const bool cluster_scope = cluster != nullptr && cluster->text == "true";
    if (name == nullptr || !name->is_scalar() || name->text.empty()) {
      found.error(ref->at, "spec.workflowTemplateRef.name is required");
      return root;
    }
    if (const Node* templates = get(spec, "templates"); templates != nullptr && templates->is_sequence() && !templates->items.empty()) {
      found.error(templates->at, "Templates is invalid field in spec if workflow referred WorkflowTemplate reference");
      return root;
    }
    argo::Libraries::Loaded* loaded = libraries.load(name->text, cluster_scope);
    if (loaded == nullptr) {
      found.error(name->at, std::string(cluster_scope ? "clusterworkflowtemplates" : "workflowtemplates") +
                                ".argoproj.io \"" + std::string(name->text) + "\" not found");
      return root;
    }
    if (!loaded->error.empty()) {
      found.error(name->at, "workflow template \"" + std::string(name->text) + "\": " + loaded->error);
      return root;
    }
    if (const Node* under = get(loaded->root, "spec")) spec = argo::merge(document, under, spec);
  }
  const Node* defaults = get(spec, "templateDefaults");
  libraries.set_defaults(defaults);
  spec = argo::with_template_defaults(document, *spec, defaults);
  return argo::with(document, *root, "spec", spec);
}

std::optional<Compiled> compile_root(Document& document, const Node& written, const Options& options,
                                     Use use, Diagnostics& diagnostics) {
  Diagnostics found;
  argo::Libraries libraries(options.library, options.lint);
  const Node& overridden = *argo::with_overrides(document, written, options);
  const Node& root = *with_templates(document, &overridden, libraries, found);
  if (found.has_errors()) {  // nothing can be said of a spec that is not there
    add_sorted(found, root, diagnostics);
    return std::nullopt;
  }
  argo::Reader reader(document, {.strict = options.strict, .lint = options.lint}, found);
  argo::Workflow workflow;
  argo::read(reader, root, workflow);
  workflow.is_template = use == Use::Template;
  const Node* ref = get(get(&overridden, "spec"), "workflowTemplateRef");
  workflow.by_reference = ref != nullptr && ref->is_map();
  workflow.needs_values = use == Use::Scheduled || (use == Use::Run && !options.lint);
  const bool readable = !found.has_errors();
  Compiled compiled;
  if (const Node* spec = get(&root, "spec"); options.lint && spec != nullptr) argo::lint_unread(*spec, found);
  compiled.metadata = argo::metadata(workflow, options.lint, found);
  argo::Resolution resolution;
  compiled.plan = argo::compile(workflow, options, libraries, resolution, found);
  // A name that belongs to something refused (a loop's item, an artifact) would be reported a
  // second time.
  if (readable) argo::check_workflow_references(workflow, resolution, options.lint, found);
  add_sorted(found, root, diagnostics);
  if (found.has_errors()) return std::nullopt;
  if (const Node* spec = get(&overridden, "spec"))
    compiled.spec_json = to_json(*spec, reader.taken_as_text());
  if (const Node* spec = get(&root, "spec")) compiled.effective_spec_json = to_json(*spec);
  compiled.templates = libraries.texts();
  if (workflow.by_reference) {
    compiled.template_name = get(ref, "name")->text;
    const Node* cluster = get(ref, "clusterScope");
    compiled.cluster_template = cluster != nullptr && cluster->text == "true";
  }
  return compiled;
}

Document parse(std::string_view bytes, Format format, const Options& options, Diagnostics& diagnostics) {
  Document document = format == Format::Json
                          ? Document::parse_json(bytes, options.limits, diagnostics)
                          : Document::parse_yaml(bytes, options.limits, diagnostics);
  if (document.roots().empty() && !diagnostics.has_errors()) {
    diagnostics.error({1, 1}, "no Workflow found: the document is empty");
  }
  return document;
}

class MapLibrary final : public TemplateLibrary {
 public:
  /// What `under` has comes after what is added here.
  explicit MapLibrary(const TemplateLibrary* under) : under_(under) {}
  void add(std::string key, std::string text) {
    texts_.insert_or_assign(std::move(key), std::make_shared<const std::string>(std::move(text)));
  }
  [[nodiscard]] std::shared_ptr<const std::string> find(std::string_view name, bool cluster_scope) const override {
    const auto found = texts_.find((cluster_scope ? "cluster/" : "namespaced/") + std::string(name));
    if (found != texts_.end()) return found->second;
    return under_ == nullptr ? nullptr : under_->find(name, cluster_scope);
  }

 private:
  const TemplateLibrary* under_;
  std::map<std::string, std::shared_ptr<const std::string>> texts_;
};

/// The Workflow that a CronWorkflow starts, or null and an error.
const Node* workflow_of_cron(Document& document, const Node& root, Diagnostics& diagnostics) {
  const Node* spec = get(get(&root, "spec"), "workflowSpec");
  (void)read_cron_spec(root, diagnostics);
  if (spec == nullptr) {
    diagnostics.error(root.at, "spec.workflowSpec is required");
    return nullptr;
  }
  const Node* workflow = argo::with(document, root, "spec", spec);
  workflow = argo::with(document, *workflow, "kind", document.make_text("Workflow", root.at));
  return argo::with(document, *workflow, "status", nullptr);
}

std::string name_of(const Node& root) {
  const Node* name = get(get(&root, "metadata"), "name");
  return name != nullptr && name->is_scalar() ? std::string(name->text) : std::string();
}

}  // namespace

std::optional<Metadata> check_object(Document& document, const Node& root, std::string_view kind,
                                     const Options& options, Diagnostics& diagnostics) {
  if (kind == "WorkflowEventBinding") {
    // Its selector is an expression over the event, which only the daemon has.
    Metadata metadata;
    metadata.name = name_of(root);
    return metadata;
  }
  const Node* workflow = kind == "CronWorkflow" ? workflow_of_cron(document, root, diagnostics) : &root;
  if (workflow == nullptr) return std::nullopt;
  const Use use = kind == "CronWorkflow" ? Use::Scheduled : kind == "Workflow" ? Use::Run : Use::Template;
  auto compiled = compile_root(document, *workflow, options, use, diagnostics);
  if (!compiled) return std::nullopt;
  return std::move(compiled->metadata);
}

std::vector<Compiled> compile_workflows(std::string_view bytes, Format format,
                                        const Options& options, Diagnostics& diagnostics) {
  std::vector<Compiled> out;
  Document document = parse(bytes, format, options, diagnostics);
  for (const Node* root : document.roots()) {
    const auto kind = kind_of(*root, format, options, diagnostics);
    if (!kind) continue;
    if (*kind != "Workflow") {
      diagnostics.error(root->find("kind")->at, "expected a Workflow, found a " + std::string(*kind));
      continue;
    }
    if (auto compiled = compile_root(document, *root, options, Use::Run, diagnostics)) out.push_back(std::move(*compiled));
  }
  return out;
}

std::vector<Object> check_objects(std::string_view bytes, Format format, const Options& options,
                                  Diagnostics& diagnostics) {
  std::vector<Object> out;
  Document document = parse(bytes, format, options, diagnostics);
  MapLibrary library(options.library);
  std::vector<std::pair<const Node*, std::string_view>> objects;
  for (const Node* root : document.roots()) {
    const auto kind = kind_of(*root, format, options, diagnostics);
    if (!kind) continue;
    objects.emplace_back(root, *kind);
    const bool cluster_scope = *kind == "ClusterWorkflowTemplate";
    if (cluster_scope || *kind == "WorkflowTemplate") {
      library.add((cluster_scope ? "cluster/" : "namespaced/") + name_of(*root), to_json(*root));
    }
  }
  Options inner = options;
  inner.library = &library;
  for (const auto& [root, kind] : objects) {
    Object object{.kind = std::string(kind), .metadata = {}, .json = to_json(*root)};
    auto metadata = check_object(document, *root, kind, inner, diagnostics);
    if (!metadata) continue;
    object.metadata = std::move(*metadata);
    out.push_back(std::move(object));
  }
  return out;
}

std::shared_ptr<const TemplateLibrary> library_of(std::map<std::string, std::string> templates) {
  auto library = std::make_shared<MapLibrary>(nullptr);
  for (auto& [key, text] : templates) library->add(key, std::move(text));
  return library;
}

}  // namespace gantry::workflow
