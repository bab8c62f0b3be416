// How long expressions take: parsing once, and evaluating often, which the engine does for each
// step.

#include <benchmark/benchmark.h>

#include <map>
#include <string>

#include "workflow/expr/expression.h"

namespace {

using namespace gantry::workflow::expr;

class Variables final : public Names {
 public:
  [[nodiscard]] std::optional<Value> find(std::string_view name) const override {
    const auto found = values_.find(name);
    if (found == values_.end()) return std::nullopt;
    return Value::borrowed(found->second);
  }
  [[nodiscard]] bool has_below(std::string_view) const override { return true; }

 private:
  std::map<std::string, std::string, std::less<>> values_ = {
      {"inputs.parameters.x", "y"},
      {"inputs.parameters.environment", "production-europe-west"},
      {"inputs.parameters.replicas", "12"},
      {"inputs.parameters.list", R"(["a","b","c","d"])"},
      {"steps.build.status", "Succeeded"},
  };
};

constexpr const char* kExpressions[] = {
    "inputs.parameters.x == 'y'",
    "inputs.parameters.environment == 'production-europe-west' && steps.build.status == "
    "'Succeeded'",
    "asInt(inputs.parameters.replicas) > 10 ? 'big' : 'small'",
    "inputs.parameters.environment matches '^production-'",
    "sprig.trunc(10, inputs.parameters.environment) + '-' + inputs.parameters.x",
    "filter(fromJSON(inputs.parameters.list), # != 'b') | join(',')",
};

void evaluate(benchmark::State& state) {
  const auto expression = Expression::parse(kExpressions[state.range(0)]);
  const Variables variables;
  const Facts facts;
  for (auto _ : state) {
    auto value = expression->evaluate(variables, facts);
    if (!value) state.SkipWithError(value.error().message.c_str());
    benchmark::DoNotOptimize(value);
  }
  state.SetLabel(kExpressions[state.range(0)]);
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(evaluate)->DenseRange(0, 5);

void parse(benchmark::State& state) {
  for (auto _ : state) {
    auto expression = Expression::parse(kExpressions[state.range(0)]);
    benchmark::DoNotOptimize(expression);
  }
  state.SetLabel(kExpressions[state.range(0)]);
}
BENCHMARK(parse)->DenseRange(0, 5);

}  // namespace

BENCHMARK_MAIN();
