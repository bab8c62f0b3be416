#include "daemon/stored_plan.h"

#include <map>
#include <nlohmann/json.hpp>

#include "base/json_text.h"

namespace gantry {

/// The object that was submitted, as far as compiling needs it.
static std::string document_of(const engine::RunInfo& info) {
  nlohmann::json document{{"apiVersion", "argoproj.io/v1alpha1"},
                          {"kind", "Workflow"},
                          {"metadata",
                           {{"name", info.name},
                            {"namespace", info.name_space},
                            {"labels", info.labels},
                            {"annotations", info.annotations}}}};
  std::string text = json_text(document);
  text.pop_back();
  return text + ",\"spec\":" + info.spec_json + "}";
}

static std::map<std::string, std::string> templates_of(const RunOrigin& origin) {
  if (origin.templates.empty()) return {};
  auto json = nlohmann::json::parse(origin.templates, nullptr, false);
  std::map<std::string, std::string> templates;
  if (!json.is_object()) return templates;
  for (const auto& [name, text] : json.items()) {
    if (text.is_string()) templates.emplace(name, text.get<std::string>());
  }
  return templates;
}

static std::string first_error(const workflow::Diagnostics& diagnostics) {
  for (const auto& diagnostic : diagnostics.items()) {
    if (diagnostic.severity == workflow::Diagnostic::Severity::Error) return diagnostic.message;
  }
  return "the stored specification holds no workflow";
}

Result<workflow::Compiled> compile_stored(
    const engine::RunInfo& info, const RunOrigin& origin, const workflow::Limits& limits,
    std::vector<std::pair<std::string, std::string>> parameters) {
  workflow::Diagnostics diagnostics;
  const auto library = workflow::library_of(templates_of(origin));
  auto compiled = workflow::compile_workflows(
      document_of(info), workflow::Format::Json,
      {.parameters = std::move(parameters), .library = library.get(), .limits = limits},
      diagnostics);
  if (!diagnostics.has_errors() && compiled.size() == 1) return std::move(compiled.front());
  return fail(Code::InvalidArgument, first_error(diagnostics));
}

}  // namespace gantry
