#include "workflow/lint.h"

#include <algorithm>
#include <map>
#include <optional>
#include <tuple>

#include "workflow/check.h"
#include "workflow/document.h"
#include "workflow/library.h"
#include "workflow/parse.h"

namespace gantry::workflow {
namespace {

struct Kind {
  std::string_view name, plural, short_name;
};
constexpr Kind kKinds[] = {{"Workflow", "workflows", "wf"},
                           {"WorkflowTemplate", "workflowtemplates", "wftmpl"},
                           {"CronWorkflow", "cronworkflows", "cronwf"},
                           {"ClusterWorkflowTemplate", "clusterworkflowtemplates", "cwftmpl"}};

const Kind* find_kind(std::string_view name) {
  const auto* found = std::find_if(std::begin(kKinds), std::end(kKinds), [&](const Kind& kind) { return kind.name == name; });
  return found == std::end(kKinds) ? nullptr : found;
}

std::string_view text_of(const Node& root, std::string_view map, std::string_view key) {
  const Node* outer = root.find(map);
  const Node* value = outer == nullptr || !outer->is_map() ? nullptr : outer->find(key);
  return value != nullptr && value->is_scalar() ? value->text : std::string_view();
}

/// The templates in the files, by namespace.
class Templates {
 public:
  explicit Templates(const LintOptions& options) : options_(options) {}

  /// False: there is one of that name already.
  bool add(const Node& root, bool cluster_scope) {
    const Key key(cluster_scope, cluster_scope ? std::string() : name_space_of(root), text_of(root, "metadata", "name"));
    return texts_.emplace(key, std::make_shared<const std::string>(to_json(root))).second;
  }
  [[nodiscard]] std::string name_space_of(const Node& root) const {
    const std::string_view written = text_of(root, "metadata", "namespace");
    return written.empty() ? options_.name_space : std::string(written);
  }
  [[nodiscard]] std::shared_ptr<const std::string> find(const std::string& name_space, std::string_view name,
                                                        bool cluster_scope) const {
    const auto found = texts_.find(Key(cluster_scope, cluster_scope ? std::string() : name_space, name));
    if (found != texts_.end()) return found->second;
    return options_.find_template ? options_.find_template(name_space, name, cluster_scope) : nullptr;
  }

 private:
  using Key = std::tuple<bool, std::string, std::string>;
  const LintOptions& options_;
  std::map<Key, std::shared_ptr<const std::string>> texts_;
};

/// Templates as one namespace sees them.
class Library final : public TemplateLibrary {
 public:
  Library(const Templates& templates, std::string name_space)
      : templates_(templates), name_space_(std::move(name_space)) {}
  [[nodiscard]] std::shared_ptr<const std::string> find(std::string_view name, bool cluster_scope) const override {
    return templates_.find(name_space_, name, cluster_scope);
  }

 private:
  const Templates& templates_;
  std::string name_space_;
};

class Linter {
 public:
  Linter(std::span<const std::string_view> files, const LintOptions& options)
      : options_(options), templates_(options), results_(files.size()) {
    documents_.reserve(files.size());
    for (std::size_t i = 0; i < files.size(); ++i) {
      Diagnostics found;
      const std::size_t start = files[i].find_first_not_of(" \t\r\n");
      const bool json = start != std::string_view::npos && files[i][start] == '{';
      documents_.push_back(json ? Document::parse_json(files[i], options.limits, found)
                                : Document::parse_yaml(files[i], options.limits, found));
      add(i, found, {});
      for (const Node* root : documents_.back().roots()) collect(i, *root);
    }
  }

  std::vector<LintedFile> run() {
    for (std::size_t i = 0; i < documents_.size(); ++i) {
      int number = 0;
      for (const Node* root : documents_[i].roots()) check(i, *root, ++number);
    }
    return std::move(results_);
  }

 private:
  void collect(std::size_t file, const Node& root) {
    if (!root.is_map()) return;
    const Node* kind = root.find("kind");
    if (kind == nullptr || !kind->text.ends_with("WorkflowTemplate") || find_kind(kind->text) == nullptr) return;
    if (templates_.add(root, kind->text.starts_with("Cluster"))) return;
    Diagnostics found;
    found.error(root.at, "duplicate " + std::string(kind->text) + " found: \"" +
                             std::string(text_of(root, "metadata", "name")) + "\"");
    add(file, found, {});
  }

  void check(std::size_t file, const Node& root, int number) {
    Diagnostics found;
    const Node* kind = root.is_map() ? root.find("kind") : nullptr;
    const Kind* known = kind == nullptr ? nullptr : find_kind(kind->text);
    if (known == nullptr) {
      const bool named = kind != nullptr && kind->is_scalar() && !kind->text.empty();
      found.note(root.at, "passed over: " + (named ? "a " + std::string(kind->text) + " is not checked"
                                                   : std::string("it has no kind")));
      return add(file, found, {});
    }
    if (!wanted(*known)) return;
    results_[file].linted = true;
    if (const Node* version = root.find("apiVersion");
        version != nullptr && version->is_scalar() && version->text != "argoproj.io/v1alpha1") {
      found.warning(version->at, "apiVersion of a " + std::string(known->name) + " is argoproj.io/v1alpha1, found \"" +
                                     std::string(version->text) + "\"");
    }
    const Library library(templates_, templates_.name_space_of(root));
    const Options options{.strict = options_.strict, .lint = true, .library = &library, .limits = options_.limits};
    (void)check_object(documents_[file], root, known->name, options, found);
    std::string name(text_of(root, "metadata", "name"));
    if (name.empty()) name = text_of(root, "metadata", "generateName");
    if (name.empty()) name = "object #" + std::to_string(number);
    add(file, found, "\"" + name + "\" (" + std::string(known->name) + ")");
  }

  [[nodiscard]] bool wanted(const Kind& kind) const {
    return options_.kinds.empty() || std::any_of(options_.kinds.begin(), options_.kinds.end(), [&](const std::string& one) {
             return one == "all" || one == kind.plural || one == kind.short_name || one == kind.name;
           });
  }

  void add(std::size_t file, const Diagnostics& found, const std::string& object) {
    for (const Diagnostic& diagnostic : found.items()) results_[file].findings.push_back({diagnostic, object});
  }

  const LintOptions& options_;
  Templates templates_;
  std::vector<Document> documents_;
  std::vector<LintedFile> results_;
};

}  // namespace

bool is_lint_kind(std::string_view kind) {
  return kind == "all" || std::any_of(std::begin(kKinds), std::end(kKinds), [&](const Kind& known) {
           return kind == known.plural || kind == known.short_name || kind == known.name;
         });
}

std::vector<LintedFile> lint(std::span<const std::string_view> files, const LintOptions& options) {
  return Linter(files, options).run();
}

}  // namespace gantry::workflow
