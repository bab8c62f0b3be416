#include "cli/commands/linting.h"

#include <optional>
#include <string_view>
#include <utility>

#include "cli/render/diagnostic.h"

namespace gantry::cli {
namespace {

using Severity = workflow::Diagnostic::Severity;

/// The daemon's template as text; null when it has none, or when it cannot be asked, which goes to `failed`.
std::shared_ptr<const std::string> stored_template(Session& session, std::string_view name_space,
                                                   std::string_view name, bool cluster_scope,
                                                   std::optional<Error>& failed) {
  const std::string collection =
      cluster_scope ? "cluster-workflow-templates" : "workflow-templates/" + encode(std::string(name_space));
  Result<Json> found =
      session.client->call({.path = "/api/v1/" + collection + "/" + encode(std::string(name))});
  if (found) return std::make_shared<const std::string>(found->dump());
  if (found.error().code != Code::NotFound && !failed) failed = found.error();
  return nullptr;
}

}  // namespace

void add_lint_options(Command& command, LintOptions& options) {
  command.arguments("FILE", options.files, "Files or directories; - is standard input")
      .choice("-o,--output", options.output, {"pretty", "simple"})
      .flag("--strict,!--no-strict", options.strict,
            "An unknown field is an error (the default); --strict=false: a note")
      .flag("--offline", options.offline,
            "Without a daemon: references are looked for only in the given files");
}

void LintReport::add(const Document& document, const workflow::LintFinding& finding) {
  const Terminal& out = session_->out;
  workflow::Diagnostic diagnostic = finding.diagnostic;
  const bool bad = diagnostic.severity == Severity::Error;
  errors_ += bad;
  if (!finding.object.empty()) diagnostic.message = "in " + finding.object + ": " + diagnostic.message;
  const std::string line = workflow::to_string(diagnostic, document.name);
  if (!pretty_) return print_line(flatten(line));
  const char* mark = bad ? (out.utf8 ? "✖" : "x") : (out.utf8 ? "•" : "-");
  const Color color = bad ? Color::Red : Color::Yellow;
  print_line("   " + paint(mark, color, out.color) + " " + flatten(line));
  if (out.interactive && bad) print(excerpt(line, document.name, document.text, out));
}

void LintReport::add(const Document& document, const workflow::LintedFile& result) {
  linted_ |= result.linted;
  if (result.findings.empty()) return;
  if (pretty_) print_line(underline(document.name, session_->out.color) + ":");
  for (const workflow::LintFinding& finding : result.findings) add(document, finding);
  if (pretty_) print_line("");
}

int LintReport::finish() {
  const Terminal& out = session_->out;
  const char* good = out.utf8 ? "✔" : "ok";
  const std::string bad = pretty_ ? (out.utf8 ? "✖ " : "x ") : "";
  if (errors_ > 0) {
    if (pretty_) {
      print_line(
          paint(bad + std::to_string(errors_) + " linting errors found!", Color::Red, out.color));
    }
    return 1;
  }
  if (!linted_) {
    print_line(paint(bad + "found nothing to lint in the specified paths, failing...", Color::Red,
                     out.color && pretty_));
    return 1;
  }
  print_line((pretty_ ? paint(good, Color::Green, out.color) + " " : "") +
             "no linting errors found!");
  return 0;
}

int lint_files(Session& session, const LintOptions& options) {
  for (const std::string& kind : options.kinds) {
    if (!workflow::is_lint_kind(kind)) return report("unknown kind: " + kind);
  }
  auto documents = read_documents(options.files);
  if (!documents) return report(documents.error());
  std::optional<Error> failed;
  workflow::LintOptions how{.strict = options.strict, .kinds = options.kinds};
  if (!options.offline) {
    how.name_space = session.name_space;
    how.find_template = [&](std::string_view name_space, std::string_view name, bool cluster_scope) {
      return stored_template(session, name_space, name, cluster_scope, failed);
    };
  }
  std::vector<std::string_view> texts;
  for (const Document& document : *documents) texts.push_back(document.text);
  const auto results = workflow::lint(texts, how);
  if (failed) return report(*failed);
  LintReport lint(session, options.output == "pretty");
  for (std::size_t i = 0; i < results.size(); ++i) lint.add((*documents)[i], results[i]);
  return lint.finish();
}

}  // namespace gantry::cli
