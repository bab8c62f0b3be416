#pragma once

// Variables in a map, as Argo keeps them.

#include <map>
#include <optional>
#include <string>

#include "workflow/expr/facts.h"

namespace gantry::workflow::expr {

class MapNames final : public Names {
 public:
  MapNames()
      : values_{
            {"inputs.parameters.x", "X"},
            {"inputs.parameters.n", "3"},
            {"inputs.parameters.my-param", "mine"},
            {"inputs.parameters.json", R"({"a":[1,2.5,"s",null,true],"b":{"c":"d"}})"},
            {"inputs.parameters.list", R"(["b","a","c"])"},
            {"steps.a.status", "Succeeded"},
            {"steps.a.outputs.result", "R"},
            {"steps.a.outputs.absent", std::nullopt},
            {"steps.map.status", "Failed"},
            {"item", "it"},
            {"retries", "2"},
        } {}

  [[nodiscard]] std::optional<Value> find(std::string_view name) const override {
    const auto found = values_.find(name);
    if (found == values_.end()) return std::nullopt;
    return found->second ? Value::borrowed(*found->second) : Value();
  }
  [[nodiscard]] bool has_below(std::string_view name) const override {
    bool any = false;
    for_each_below(name, [&](std::string_view, const Value&) { any = true; });
    return any;
  }
  void for_each_below(std::string_view name,
                      const std::function<void(std::string_view, Value)>& visit) const override {
    const std::string prefix = name.empty() ? "" : std::string(name) + ".";
    for (const auto& [key, value] : values_) {
      if (key.starts_with(prefix)) visit(key, value ? Value::borrowed(*value) : Value());
    }
  }

 private:
  std::map<std::string, std::optional<std::string>, std::less<>> values_;
};

}  // namespace gantry::workflow::expr
