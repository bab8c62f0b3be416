#include "workflow/parse.h"

#include <algorithm>

#include "workflow/argo/compile.h"
#include "workflow/argo/metadata.h"
#include "workflow/argo/overrides.h"
#include "workflow/argo/reader.h"
#include "workflow/argo/references.h"
#include "workflow/document.h"

namespace gantry::workflow {
namespace {

constexpr std::string_view kGroup = "argoproj.io/";
constexpr std::string_view kApiVersion = "argoproj.io/v1alpha1";

/// Whether the document is a Workflow; says so when it is not. JSON without a kind is taken for
/// one, because Argo's clients leave it out.
bool is_workflow(const Node& root, Format format, Diagnostics& diagnostics) {
  if (!root.is_map()) {
    diagnostics.error(root.at, "expected a Workflow object, found " + std::string(kind_name(root)));
    return false;
  }
  const Node* kind = root.find("kind");
  const Node* version = root.find("apiVersion");
  const bool has_kind = kind != nullptr && kind->is_scalar() && !kind->text.empty();
  if (has_kind && kind->text != "Workflow") {
    diagnostics.error(kind->at, "not supported yet: kind " + std::string(kind->text));
    return false;
  }
  if (!has_kind && format == Format::Yaml) {
    diagnostics.error(root.at, "Object 'Kind' is missing: a Workflow begins with \"apiVersion: " +
                                   std::string(kApiVersion) + "\" and \"kind: Workflow\"");
    return false;
  }
  if (version != nullptr && version->is_scalar() && !version->text.empty() &&
      version->text != kApiVersion) {
    diagnostics.error(version->at,
                      version->text.starts_with(kGroup)
                          ? "not supported yet: apiVersion " + std::string(version->text)
                          : "apiVersion of a Workflow is " + std::string(kApiVersion) +
                                ", found \"" + std::string(version->text) + "\"");
    return false;
  }
  return true;
}

void compile_root(Document& document, const Node& written, const Options& options,
                  Diagnostics& diagnostics, std::vector<Compiled>& out) {
  const Node& root = *argo::with_overrides(document, written, options);
  Diagnostics found;
  argo::Reader reader(document, options.strict, found);
  argo::Workflow workflow;
  argo::read(reader, root, workflow);
  const bool readable = !found.has_errors();
  Compiled compiled;
  compiled.metadata = argo::metadata(workflow, found);
  compiled.plan = argo::compile(workflow, options, found);
  // A name that belongs to something refused (a loop's item, an artifact) would be reported a
  // second time.
  if (readable) argo::check_workflow_references(workflow, found);

  std::vector<Diagnostic> sorted = found.items();
  std::stable_sort(sorted.begin(), sorted.end(), [](const Diagnostic& a, const Diagnostic& b) {
    return a.at.line != b.at.line ? a.at.line < b.at.line : a.at.column < b.at.column;
  });
  for (Diagnostic& diagnostic : sorted) {
    if (diagnostic.at.line == 0) diagnostic.at = root.at;
    diagnostics.add(std::move(diagnostic));
  }
  if (found.has_errors()) return;
  if (const Node* spec = root.find("spec"))
    compiled.spec_json = to_json(*spec, reader.taken_as_text());
  out.push_back(std::move(compiled));
}

}  // namespace

std::vector<Compiled> compile_workflows(std::string_view bytes, Format format,
                                        const Options& options, Diagnostics& diagnostics) {
  std::vector<Compiled> out;
  Document document = format == Format::Json
                          ? Document::parse_json(bytes, options.limits, diagnostics)
                          : Document::parse_yaml(bytes, options.limits, diagnostics);
  if (document.roots().empty() && !diagnostics.has_errors()) {
    diagnostics.error({1, 1}, "no Workflow found: the document is empty");
  }
  for (const Node* root : document.roots()) {
    if (is_workflow(*root, format, diagnostics))
      compile_root(document, *root, options, diagnostics, out);
  }
  return out;
}

}  // namespace gantry::workflow
