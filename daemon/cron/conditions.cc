#include "daemon/cron/conditions.h"

#include "base/json_text.h"
#include "workflow/expr/expression.h"
#include "workflow/expr/time.h"
#include "workflow/text.h"
#include "workflow/when.h"

namespace gantry::cron {
namespace {

namespace expr = workflow::expr;
using Map = std::map<std::string, std::string>;

std::string map_text(const Map& map) {
  return json_text(nlohmann::json(map));
}

expr::Value map_value(const Map& map) {
  expr::Map entries;
  for (const auto& [key, value] : map) {
    entries.emplace_back(expr::Value::text(key), expr::Value::text(value));
  }
  return expr::Value::map(std::move(entries));
}

/// `cronworkflow.*`, as an expression sees it and as `{{…}}` prints it.
class Variables final : public expr::Names, public workflow::Scope {
 public:
  Variables(const Definition& definition, const Status& status)
      : definition_(definition), status_(status) {}

  [[nodiscard]] std::optional<expr::Value> find(std::string_view name) const override {
    if (!name.starts_with(kPrefix)) return std::nullopt;
    name.remove_prefix(kPrefix.size());
    if (name == "name") return expr::Value::borrowed(definition_.key.second);
    if (name == "namespace") return expr::Value::borrowed(definition_.key.first);
    if (name == "succeeded") return expr::Value::integer(status_.succeeded);
    if (name == "failed") return expr::Value::integer(status_.failed);
    if (name == "labels") return map_value(definition_.labels);
    if (name == "annotations") return map_value(definition_.annotations);
    if (name == "labels.json") return expr::Value::text(map_text(definition_.labels));
    if (name == "annotations.json") return expr::Value::text(map_text(definition_.annotations));
    if (name != "lastScheduledTime") return std::nullopt;
    if (!status_.last_scheduled) return expr::Value();
    const auto seconds =
        std::chrono::floor<std::chrono::seconds>(*status_.last_scheduled).time_since_epoch();
    return expr::Value::time({.seconds = seconds.count()});
  }
  [[nodiscard]] bool has_below(std::string_view name) const override {
    return name == "cronworkflow";
  }

  [[nodiscard]] std::optional<std::string> lookup(std::string_view name) const override {
    for (const auto& [prefix, map] :
         {std::pair<std::string_view, const Map*>("cronworkflow.labels.", &definition_.labels),
          {"cronworkflow.annotations.", &definition_.annotations}}) {
      if (!name.starts_with(prefix)) continue;
      auto entry = map->find(std::string(name.substr(prefix.size())));
      if (entry != map->end()) return entry->second;
    }
    auto value = find(name);
    if (!value) return std::nullopt;
    if (value->is_nil()) return "nil";
    auto text = expr::to_text(*value);
    return text ? std::optional(std::move(*text)) : std::nullopt;
  }

 private:
  static constexpr std::string_view kPrefix = "cronworkflow.";
  const Definition& definition_;
  const Status& status_;
};

expr::Facts facts_of(Time now) {
  return {.now = std::chrono::sys_time<std::chrono::nanoseconds>(now)};
}

/// Replaces the `{{=…}}` of a text, whose values have types that a workflow's variables do not.
Result<std::string> replace_expressions(std::string_view text, const Variables& variables,
                                        Time now) {
  constexpr std::string_view kOpen = "{{=", kClose = "}}";
  std::string out;
  while (true) {
    const std::size_t open = text.find(kOpen);
    out += text.substr(0, open);
    if (open == text.npos) return out;
    const std::size_t close = text.find(kClose, open);
    if (close == text.npos) {
      return fail(Code::InvalidArgument, "{{= is not closed in '" + std::string(text) + "'");
    }
    auto parsed =
        expr::Expression::parse(text.substr(open + kOpen.size(), close - open - kOpen.size()));
    if (!parsed) return fail(std::move(parsed.error()));
    auto value = parsed->evaluate(variables, facts_of(now));
    if (!value) return fail(std::move(value.error()));
    auto written = expr::to_text(*value);
    if (!written) return fail(std::move(written.error()));
    out += *written;
    text.remove_prefix(close + kClose.size());
  }
}

}  // namespace

Result<bool> should_run(const Definition& definition, const Status& status, Time now) {
  if (definition.spec.when.empty()) return true;
  const Variables variables(definition, status);
  auto replaced = replace_expressions(definition.spec.when, variables, now);
  if (!replaced) return fail(std::move(replaced.error()));
  auto text = workflow::Text::parse(*replaced);
  if (!text) return fail(std::move(text.error()));
  auto rendered = text->render(variables);
  if (!rendered) return fail(std::move(rendered.error()));
  return workflow::evaluate_when(*rendered);
}

Result<bool> should_stop(const Definition& definition, const Status& status, Time now) {
  if (definition.spec.stop_expression.empty()) return false;
  auto parsed = expr::Expression::parse(definition.spec.stop_expression);
  if (!parsed) return fail(std::move(parsed.error()).wrap("failed to evaluate stop expression"));
  auto stop = parsed->evaluate_bool(Variables(definition, status), facts_of(now));
  if (!stop) return fail(std::move(stop.error()).wrap("failed to evaluate stop expression"));
  return stop;
}

}  // namespace gantry::cron
