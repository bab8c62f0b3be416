// Any bytes as a file: they are refused with messages or compile, and what compiles does so again from what is stored.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>

#include "workflow/lint.h"
#include "workflow/parse.h"

namespace {

using namespace gantry::workflow;

// Small, so that the fuzzer is not held up.
constexpr Limits kLimits{.bytes = 64u << 10, .depth = 64, .nodes = 20'000, .alias_nodes = 2'000};

void require(bool condition, const Diagnostics& diagnostics = {}) {
  if (condition) return;
  for (const Diagnostic& one : diagnostics.items()) std::cerr << to_string(one, "stored") << "\n";
  std::abort();
}

void check_messages(const Diagnostics& diagnostics) {
  for (const Diagnostic& one : diagnostics.items()) require(!one.message.empty());
}

/// As a daemon that restarts: the stored spec, with the stored templates.
void compile_again(const Compiled& compiled) {
  const std::string text = R"({"apiVersion":"argoproj.io/v1alpha1","kind":"Workflow","metadata":{"name":"again"},"spec":)" +
                           compiled.spec_json + "}";
  const auto library = library_of(compiled.templates);
  Diagnostics diagnostics;
  Options options{.library = library.get()};
  require(compile_workflows(text, Format::Json, options, diagnostics).size() == 1, diagnostics);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const Format format : {Format::Yaml, Format::Json}) {
    Diagnostics diagnostics;
    const Options options{.limits = kLimits};
    const auto compiled = compile_workflows(text, format, options, diagnostics);
    check_messages(diagnostics);
    if (!diagnostics.has_errors()) {
      for (const Compiled& one : compiled) {
        require(one.plan != nullptr && one.plan->entrypoint < one.plan->templates.size());
        compile_again(one);
      }
    }
    Diagnostics objects;
    (void)check_objects(text, format, options, objects);
    check_messages(objects);
  }
  const std::string_view files[] = {text};
  for (const bool strict : {true, false}) {
    for (const LintedFile& file : lint(files, {.strict = strict, .limits = kLimits})) {
      for (const LintFinding& finding : file.findings) require(!finding.diagnostic.message.empty());
    }
  }
  return 0;
}
