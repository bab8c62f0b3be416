#include "workflow/argo/libraries.h"

#include "workflow/argo/merge.h"
#include "workflow/argo/reader.h"
#include "workflow/limits.h"

namespace gantry::workflow::argo {

static std::string first_error(const Diagnostics& diagnostics) {
  for (const Diagnostic& diagnostic : diagnostics.items()) {
    if (diagnostic.severity == Diagnostic::Severity::Error) return diagnostic.message;
  }
  return {};
}

Libraries::Loaded* Libraries::load(std::string_view name, bool cluster_scope) {
  const auto key = std::pair(cluster_scope, std::string(name));
  if (const auto found = loaded_.find(key); found != loaded_.end()) return found->second.get();
  std::unique_ptr<Loaded>& loaded = loaded_[key];
  std::shared_ptr<const std::string> text = library_ == nullptr ? nullptr : library_->find(name, cluster_scope);
  if (text == nullptr) return nullptr;
  Diagnostics diagnostics;
  const std::size_t start = text->find_first_not_of(" \t\r\n");
  const bool json = start != std::string::npos && (*text)[start] == '{';
  Document parsed = json ? Document::parse_json(*text, Limits{}, diagnostics)
                         : Document::parse_yaml(*text, Limits{}, diagnostics);
  loaded = std::make_unique<Loaded>(
      Loaded{std::move(text), std::move(parsed), nullptr, {}, "", (cluster_scope ? "cluster/" : "namespaced/") + std::string(name)});
  if (!diagnostics.has_errors() && !loaded->document.roots().empty()) {
    Document& document = loaded->document;
    const Node* root = document.roots().front();
    if (const Node* spec = get(root, "spec"); spec != nullptr && spec->is_map()) {
      root = with(document, *root, "spec", with_template_defaults(document, *spec, defaults_));
    }
    loaded->root = root;
    Reader reader(document, {.lint = lint_}, diagnostics);
    read(reader, *root, loaded->object);
  }
  loaded->error = first_error(diagnostics);
  return loaded.get();
}

std::map<std::string, std::string> Libraries::texts() const {
  std::map<std::string, std::string> texts;
  for (const auto& [key, loaded] : loaded_) {
    if (loaded != nullptr) texts.emplace(loaded->scope, *loaded->text);
  }
  return texts;
}

}  // namespace gantry::workflow::argo
