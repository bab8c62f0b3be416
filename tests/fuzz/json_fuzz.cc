// Any bytes as JSON, by each of its readers: as a document, as the value of fromJson, as the items of a loop, as what
// jsonpath is asked of. What they read they write so that they read the same again.
//
// The first line is a path, the rest is JSON.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>

#include "workflow/document.h"
#include "workflow/expr/expression.h"
#include "workflow/expr/format.h"
#include "workflow/item.h"

namespace {

using namespace gantry::workflow;

// Small, so that the fuzzer is not held up.
constexpr Limits kLimits{.bytes = 64u << 10, .depth = 64, .nodes = 20'000, .alias_nodes = 2'000};

void require(bool condition) {
  if (!condition) std::abort();
}

/// As a document, written and read again; nothing when it is none.
std::string through_document(std::string_view json) {
  Diagnostics diagnostics;
  const Document document = Document::parse_json(json, kLimits, diagnostics);
  for (const Diagnostic& one : diagnostics.items()) require(!one.message.empty());
  if (diagnostics.has_errors() || document.roots().empty()) return {};
  require(document.roots().size() == 1);
  return to_json(*document.roots().front());
}

void check_document(std::string_view json) {
  const std::string written = through_document(json);
  if (!written.empty() && written.size() <= kLimits.bytes) require(through_document(written) == written);
}

void check_items(std::string_view json) {
  const auto items = parse_items(json);
  if (!items) {
    require(!items.error().message.empty());
    return;
  }
  std::string list;
  for (const Item& item : *items) list += (list.empty() ? "" : ",") + item.json;
  const auto again = parse_items("[" + list + "]");
  require(again && again->size() == items->size());
  for (std::size_t i = 0; i < items->size(); ++i) require((*again)[i].json == (*items)[i].json);
}

class Variables final : public expr::Names {
 public:
  Variables(std::string_view path, std::string_view json) : values_{{"json", json}, {"path", path}} {}
  [[nodiscard]] std::optional<expr::Value> find(std::string_view name) const override {
    const auto found = values_.find(name);
    if (found == values_.end()) return std::nullopt;
    return expr::Value::borrowed(found->second);
  }
  [[nodiscard]] bool has_below(std::string_view) const override { return false; }
  void for_each_below(std::string_view, const std::function<void(std::string_view, expr::Value)>&) const override {}

 private:
  std::map<std::string_view, std::string_view> values_;
};

void check_path(std::string_view path, std::string_view json) {
  static const auto query = expr::Expression::parse("jsonpath(json, path)");
  require(query.has_value());
  expr::Evaluation how;
  how.budget = {.steps = 20'000, .elements = 20'000};
  const auto value = query->evaluate(Variables(path, json), expr::Facts{}, how);
  require(value.has_value() || !value.error().message.empty());
}

void check_value(std::string_view json) {
  const auto value = expr::from_json(json);
  if (!value) return;
  const auto written = expr::to_json(*value);
  require(written.has_value());
  const auto again = expr::from_json(*written);
  require(again && expr::to_json(*again) == *written);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t line = text.find('\n');
  const std::string_view path = text.substr(0, line);
  const std::string_view json = line == std::string_view::npos ? text : text.substr(line + 1);
  check_document(json);
  check_value(json);
  check_items(json);
  check_path(path, json);
  return 0;
}
