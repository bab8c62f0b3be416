// From text to Plan, and beside it what yaml-cpp alone takes for the same text. Both are to grow in line with the number
// of tasks; a workflow of 10,000 tasks is to compile in less than a second.

#include <benchmark/benchmark.h>
#include <yaml-cpp/yaml.h>

#include <string>

#include "workflow/parse.h"

namespace {

using namespace gantry::workflow;

enum class Shape { Dag, Steps };

std::string head() {
  return "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata: {generateName: bench-}\nspec:\n"
         "  entrypoint: main\n  templates:\n"
         "  - name: work\n    inputs: {parameters: [{name: message}]}\n"
         "    container: {image: busybox, command: [echo], args: ['{{inputs.parameters.message}}']}\n"
         "  - name: main\n";
}

/// Rows of ten tasks; a task waits for two of the row before and reads the result of one of them.
std::string dag(int tasks) {
  std::string out = head() + "    dag:\n      tasks:\n";
  for (int i = 0; i < tasks; ++i) {
    const std::string name = "t" + std::to_string(i);
    const int above = i - 10;
    out += "      - name: " + name + "\n        template: work\n";
    std::string message = "task " + std::to_string(i);
    if (above >= 0) {
      const std::string first = "t" + std::to_string(above);
      out += "        depends: " + first + " && t" + std::to_string(above / 10 * 10) + ".Succeeded\n";
      message = "{{tasks." + first + ".outputs.result}}";
    }
    out += "        arguments: {parameters: [{name: message, value: '" + message + "'}]}\n";
  }
  return out;
}

/// Groups of ten; a step reads the result of one of the group before.
std::string steps(int count) {
  std::string out = head() + "    steps:\n";
  for (int i = 0; i < count; ++i) {
    out += i % 10 == 0 ? "    - - " : "      - ";
    out += "name: s" + std::to_string(i) + "\n        template: work\n";
    const std::string message =
        i < 10 ? "step " + std::to_string(i) : "{{steps.s" + std::to_string(i - 10) + ".outputs.result}}";
    out += "        arguments: {parameters: [{name: message, value: '" + message + "'}]}\n";
  }
  return out;
}

std::string text_of(Shape shape, std::int64_t tasks) {
  return shape == Shape::Dag ? dag(static_cast<int>(tasks)) : steps(static_cast<int>(tasks));
}

void finish(benchmark::State& state, const std::string& text) {
  state.SetComplexityN(state.range(0));
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * text.size()));
}

void compile(benchmark::State& state, Shape shape) {
  const std::string text = text_of(shape, state.range(0));
  Options options;
  options.limits.bytes = 1u << 30;
  options.limits.nodes = 100'000'000;
  for (auto _ : state) {
    Diagnostics diagnostics;
    auto compiled = compile_workflows(text, Format::Yaml, options, diagnostics);
    if (diagnostics.has_errors() || compiled.size() != 1) {
      return state.SkipWithError(diagnostics.items().empty() ? "nothing" : diagnostics.items().front().message.c_str());
    }
    benchmark::DoNotOptimize(compiled);
  }
  finish(state, text);
}

void load_with_yaml_cpp(benchmark::State& state, Shape shape) {
  const std::string text = text_of(shape, state.range(0));
  for (auto _ : state) {
    YAML::Node node = YAML::Load(text);
    benchmark::DoNotOptimize(node);
  }
  finish(state, text);
}

#define SIZES ->RangeMultiplier(10)->Range(1'000, 100'000)->Unit(benchmark::kMillisecond)->Complexity()
BENCHMARK_CAPTURE(compile, dag, Shape::Dag) SIZES;
BENCHMARK_CAPTURE(load_with_yaml_cpp, dag, Shape::Dag) SIZES;
BENCHMARK_CAPTURE(compile, steps, Shape::Steps) SIZES;
BENCHMARK_CAPTURE(load_with_yaml_cpp, steps, Shape::Steps) SIZES;

}  // namespace

BENCHMARK_MAIN();
