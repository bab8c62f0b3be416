#include "workflow/argo/lint_unread.h"

#include <algorithm>
#include <string>
#include <string_view>

#include "workflow/argo/merge.h"
#include "workflow/limits.h"

namespace gantry::workflow::argo {
namespace {

template <std::size_t N>
bool is_one_of(std::string_view text, const std::string_view (&words)[N]) {
  return std::find(std::begin(words), std::end(words), text) != std::end(words);
}

std::string_view text_at(const Node& map, std::string_view key) {
  const Node* node = get(&map, key);
  return node != nullptr && node->is_scalar() ? node->text : std::string_view();
}

/// The text with each {{…}} replaced by a word.
std::string with_words(std::string_view text) {
  std::string out;
  for (std::size_t open = text.find("{{"); open != std::string_view::npos; open = text.find("{{")) {
    const std::size_t close = text.find("}}", open);
    if (close == std::string_view::npos) break;
    out.append(text.substr(0, open)).append("placeholder");
    text.remove_prefix(close + 2);
  }
  return out.append(text);
}

class UnreadLint {
 public:
  explicit UnreadLint(Diagnostics& diagnostics) : diagnostics_(diagnostics) {}

  void spec(const Node& spec) {
    if (const Node* gc = get(&spec, "podGC")) {
      constexpr std::string_view kStrategies[] = {"", "OnPodCompletion", "OnPodSuccess", "OnWorkflowCompletion",
                                                  "OnWorkflowSuccess"};
      const std::string_view strategy = text_at(*gc, "strategy");
      if (!is_one_of(strategy, kStrategies)) {
        diagnostics_.error(gc->at, "podGC.strategy unknown strategy '" + std::string(strategy) + "'");
      }
    }
    if (const Node* resources = get(&spec, "podResources")) pod_resources(*resources, "spec.podResources");
    const Node* templates = get(&spec, "templates");
    if (templates == nullptr || !templates->is_sequence()) return;
    for (const Node* tmpl : templates->items) {
      if (tmpl->is_map()) template_fields(*tmpl, "templates." + std::string(text_at(*tmpl, "name")));
    }
  }

 private:
  void template_fields(const Node& tmpl, const std::string& where) {
    const auto has = [&](std::string_view kind) { return get(&tmpl, kind) != nullptr; };
    if (const Node* resources = get(&tmpl, "podResources"); resources != nullptr && !resources->is_null()) {
      if (has("http") || has("plugin")) {
        diagnostics_.error(resources->at, where + ".podResources is not supported for " +
                                              (has("http") ? "HTTP" : "Plugin") + " templates");
      }
      pod_resources(*resources, where + ".podResources");
    }
    if (const Node* claims = get(&tmpl, "resourceClaims"); claims != nullptr && !claims->items.empty()) {
      for (const std::string_view kind : {"steps", "dag", "suspend", "http", "plugin"}) {
        if (!has(kind)) continue;
        diagnostics_.error(claims->at, where + ".resourceClaims is not supported for " + std::string(kind) +
                                           " templates, which do not create a pod");
      }
    }
    if (const Node* resource = get(&tmpl, "resource"); resource != nullptr && resource->is_map()) {
      resource_fields(*resource, where);
    }
  }

  void pod_resources(const Node& resources, const std::string& where) {
    if (const Node* claims = get(&resources, "claims"); claims != nullptr && !claims->items.empty()) {
      diagnostics_.error(claims->at, where + ".claims is not supported for pod-level resources");
    }
    for (const char* list : {"limits", "requests"}) {
      const Node* amounts = get(&resources, list);
      if (amounts == nullptr || !amounts->is_map()) continue;
      for (const Node::Entry& entry : amounts->entries) {
        if (entry.key == "cpu" || entry.key == "memory" || entry.key.starts_with("hugepages-")) continue;
        diagnostics_.error(entry.at, where + ": \"" + std::string(entry.key) +
                                         "\" is not a valid pod-level resource, only cpu, memory and hugepages-* are "
                                         "supported");
      }
    }
  }

  void resource_fields(const Node& resource, const std::string& where) {
    constexpr std::string_view kActions[] = {"get", "create", "apply", "delete", "replace", "patch"};
    const std::string_view action = text_at(resource, "action");
    if (action.find("{{") == std::string_view::npos && !is_one_of(action, kActions)) {
      diagnostics_.error(resource.at, where + ".resource.action must be one of: get, create, apply, delete, replace, patch");
    }
    if (action == "delete" || action == "get") return;
    const std::string_view manifest = text_at(resource, "manifest");
    const Node* from = get(&resource, "manifestFrom");
    if (manifest.empty() && from == nullptr) {
      diagnostics_.error(resource.at, "either " + where + ".resource.manifest or " + where +
                                          ".resource.manifestFrom must be specified");
    } else if (!manifest.empty() && from != nullptr) {
      diagnostics_.error(from->at,
                         "shouldn't have both `manifest` and `manifestFrom` specified in `Manifest` for resource template");
    }
    Diagnostics found;
    (void)Document::parse_yaml(with_words(manifest), Limits{}, found);
    if (std::any_of(found.items().begin(), found.items().end(),
                    [](const Diagnostic& one) { return one.message.starts_with("cannot parse YAML"); })) {
      diagnostics_.error(get(&resource, "manifest")->at, where + ".resource.manifest must be a valid yaml");
    }
  }

  Diagnostics& diagnostics_;
};

}  // namespace

void lint_unread(const Node& spec, Diagnostics& diagnostics) { UnreadLint(diagnostics).spec(spec); }

}  // namespace gantry::workflow::argo
