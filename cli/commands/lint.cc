#include "cli/commands/commands.h"
#include "cli/commands/submission.h"
#include "cli/render/diagnostic.h"

namespace gantry::cli {
namespace {

struct LintOptions {
  std::vector<std::string> files;
  std::string output = "pretty";
  bool strict = true;
};

int lint(Session& session, const LintOptions& options) {
  auto documents = read_documents(options.files);
  if (!documents) return report(documents.error());
  const Terminal& out = session.out;
  const bool pretty = options.output == "pretty";
  std::size_t errors = 0;
  bool linted = false;
  for (const Document& document : *documents) {
    Request request{.method = "POST",
                    .path = session.collection("workflows") + "/lint",
                    .query = {{"file", document.name}},
                    .body = document.text,
                    .content_type = "application/yaml"};
    if (options.strict) request.query.emplace_back("strict", "true");
    Result<Json> answer = session.client->call(std::move(request));
    if (answer) {
      linted |= !at(*answer, {"items"}).empty();
      continue;
    }
    // Only what the daemon says about the file is a finding; the rest is an error of the command.
    if (answer.error().code != Code::InvalidArgument &&
        answer.error().code != Code::Unimplemented) {
      return report(answer.error());
    }
    linted = true;
    if (pretty) print_line(underline(document.name, out.color) + ":");
    for (const std::string& line : message_lines(answer.error().message)) {
      ++errors;
      std::string text = flatten(line);
      if (pretty) {
        print_line("   " + paint(out.utf8 ? "✖" : "x", Color::Red, out.color) + " " + text);
        if (out.interactive) print(excerpt(line, document.name, document.text, out));
      } else {
        print_line(line.starts_with(document.name + ":") ? text : document.name + ": " + text);
      }
    }
    if (pretty) print_line("");
  }
  const char* good = out.utf8 ? "✔" : "ok";
  const std::string bad = pretty ? (out.utf8 ? "✖ " : "x ") : "";
  if (errors > 0) {
    if (pretty) {
      print_line(
          paint(bad + std::to_string(errors) + " linting errors found!", Color::Red, out.color));
    }
    return 1;
  }
  if (!linted) {
    print_line(paint(bad + "found nothing to lint in the specified paths, failing...", Color::Red,
                     out.color && pretty));
    return 1;
  }
  print_line((pretty ? paint(good, Color::Green, out.color) + " " : "") +
             "no linting errors found!");
  return 0;
}

}  // namespace

void add_lint(Command& root, Session& session) {
  auto options = std::make_shared<LintOptions>();
  root.add("lint", "Check workflow files without running them", "Workflows")
      .arguments("FILE", options->files, "Files or directories; - is standard input")
      .choice("-o,--output", options->output, {"pretty", "simple"})
      .flag("--strict,!--no-strict", options->strict,
            "A number or boolean where a text is wanted is an error (the default)")
      .action([&session, options] { return lint(session, *options); });
}

}  // namespace gantry::cli
