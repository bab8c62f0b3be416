#include "cli/commands/linting.h"

#include "cli/render/diagnostic.h"

namespace gantry::cli {

void add_lint_options(Command& command, LintOptions& options) {
  command.arguments("FILE", options.files, "Files or directories; - is standard input")
      .choice("-o,--output", options.output, {"pretty", "simple"})
      .flag("--strict,!--no-strict", options.strict,
            "A number or boolean where a text is wanted is an error (the default)");
}

void LintReport::bad(const Document& document, std::string_view message) {
  const Terminal& out = session_->out;
  linted_ = true;
  if (pretty_) print_line(underline(document.name, out.color) + ":");
  for (const std::string& line : message_lines(message)) {
    ++errors_;
    std::string text = flatten(line);
    if (pretty_) {
      print_line("   " + paint(out.utf8 ? "✖" : "x", Color::Red, out.color) + " " + text);
      if (out.interactive) print(excerpt(line, document.name, document.text, out));
    } else {
      print_line(line.starts_with(document.name + ":") ? text : document.name + ": " + text);
    }
  }
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

int lint_files(Session& session, const LintOptions& options, const std::string& path) {
  auto documents = read_documents(options.files);
  if (!documents) return report(documents.error());
  LintReport lint(session, options.output == "pretty");
  for (const Document& document : *documents) {
    Request request{.method = "POST",
                    .path = path,
                    .query = {{"file", document.name}},
                    .body = document.text,
                    .content_type = "application/yaml"};
    if (options.strict) request.query.emplace_back("strict", "true");
    Result<Json> answer = session.client->call(std::move(request));
    if (answer) {
      if (!at(*answer, {"items"}).empty()) lint.good();
      continue;
    }
    // Only what the daemon says about the file is a finding; the rest is an error of the command.
    if (answer.error().code != Code::InvalidArgument &&
        answer.error().code != Code::Unimplemented) {
      return report(answer.error());
    }
    lint.bad(document, answer.error().message);
  }
  return lint.finish();
}

}  // namespace gantry::cli
