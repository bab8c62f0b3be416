// Any bytes as an expression: it parses or has a position, and evaluates within its budget.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <string>

#include "workflow/expr/expression.h"
#include "workflow/expr/format.h"
#include "workflow/text.h"

namespace {

using namespace gantry::workflow;

class Variables final : public expr::Names {
 public:
  [[nodiscard]] std::optional<expr::Value> find(std::string_view name) const override {
    if (name == "a") return expr::Value::borrowed("12");
    if (name == "b.c") return expr::Value::borrowed(R"({"x":[1,"two",null,{"y":2.5}]})");
    if (name == "b.nothing") return expr::Value();
    return std::nullopt;
  }
  [[nodiscard]] bool has_below(std::string_view name) const override {
    return name == "b" || name.empty();
  }
  void for_each_below(
      std::string_view name,
      const std::function<void(std::string_view, expr::Value)>& visit) const override {
    if (name.empty()) visit("a", expr::Value::borrowed("12"));
    if (name == "b" || name.empty()) visit("b.c", expr::Value::borrowed("{}"));
  }
};

void require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view source(reinterpret_cast<const char*>(data), size);
  std::size_t offset = 0;
  const auto expression = expr::Expression::parse(source, &offset);
  if (!expression) {
    require(offset <= size && !expression.error().message.empty());
    return 0;
  }
  expr::Facts facts;
  facts.now = std::chrono::sys_seconds(std::chrono::seconds(1'700'000'000));
  facts.random = [state = std::uint64_t{1}]() mutable {
    return state = state * 2'862'933'555'777'941'757u + 3;
  };
  // Small, so that the fuzzer is not held up.
  expr::Evaluation how;
  how.budget = {.steps = 20'000, .elements = 20'000};
  const auto value = expression->evaluate(Variables(), facts, how);
  if (value) {
    static_cast<void>(expr::print(*value));
    const auto json = expr::to_json(*value);
    // What is written as JSON can be read again, if it is not too deep.
    if (json && value->height() < static_cast<std::uint32_t>(expr::kMaxJsonDepth)) {
      require(expr::from_json(*json).has_value());
    }
    static_cast<void>(expr::to_text(*value));
  } else {
    require(!value.error().message.empty());
  }
  expression->for_each_path(
      [&](const expr::Expression::PathUse& path) { require(path.offset < size); });
  static_cast<void>(Text::parse("{{=" + std::string(source) + "}}"));
  return 0;
}
