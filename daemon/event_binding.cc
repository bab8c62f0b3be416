#include "daemon/event_binding.h"

#include <nlohmann/json.hpp>

#include "workflow/expr/expression.h"

namespace gantry {
namespace {

namespace expr = workflow::expr;
using api::Json;

expr::Value value_of(const Json& json) {
  switch (json.type()) {
    case Json::value_t::boolean:
      return expr::Value::boolean(json.get<bool>());
    case Json::value_t::number_integer:
    case Json::value_t::number_unsigned:
      return expr::Value::integer(json.get<std::int64_t>());
    case Json::value_t::number_float:
      return expr::Value::number(json.get<double>());
    case Json::value_t::string:
      return expr::Value::text(json.get<std::string>());
    case Json::value_t::array: {
      expr::Array items;
      for (const Json& item : json) items.push_back(value_of(item));
      return expr::Value::array(std::move(items));
    }
    case Json::value_t::object: {
      expr::Map entries;
      for (const auto& [key, value] : json.items()) {
        entries.emplace_back(expr::Value::text(key), value_of(value));
      }
      return expr::Value::map(std::move(entries));
    }
    default:
      return {};
  }
}

class EventNames final : public expr::Names {
 public:
  explicit EventNames(const api::Event& event)
      : payload_(value_of(event.payload)),
        metadata_(value_of(Json(event.metadata))),
        discriminator_(expr::Value::text(event.discriminator)),
        namespace_(expr::Value::text(event.name_space)) {}

  [[nodiscard]] std::optional<expr::Value> find(std::string_view name) const override {
    if (name == "payload") return payload_;
    if (name == "metadata") return metadata_;
    if (name == "discriminator") return discriminator_;
    if (name == "namespace") return namespace_;
    return std::nullopt;
  }
  [[nodiscard]] bool has_below(std::string_view) const override { return false; }

 private:
  expr::Value payload_, metadata_, discriminator_, namespace_;
};

/// The value at a path of objects, or null.
const Json& at(const Json& json, std::initializer_list<const char*> path) {
  static const Json kNull;
  const Json* here = &json;
  for (const char* key : path) {
    if (!here->is_object()) return kNull;
    auto it = here->find(key);
    if (it == here->end()) return kNull;
    here = &*it;
  }
  return *here;
}

std::string text_of(const Json& json) {
  if (json.is_string()) return json.get<std::string>();
  return json.is_null() ? std::string() : json.dump();
}

Result<expr::Value> evaluate(const std::string& source, const EventNames& names) {
  auto parsed = expr::Expression::parse(source);
  if (!parsed) return fail(std::move(parsed.error()));
  return parsed->evaluate(names, {});
}

/// An expression of submit.metadata, which must give a text.
Result<std::string> evaluate_text(const Json& source, const EventNames& names,
                                  const std::string& what) {
  auto value = evaluate(text_of(source), names);
  if (!value) {
    return fail(
        std::move(value.error()).wrap("failed to evaluate workflow " + what + " expression"));
  }
  if (value->is(expr::Kind::String)) return std::string(value->as_text());
  return fail(Code::InvalidArgument, "workflow " + what +
                                         " expression must evaluate to a string, not a " +
                                         std::string(expr::go_type(*value)));
}

Result<void> read_metadata(const Json& metadata, const EventNames& names, Triggered& out) {
  for (const auto& [field, into] :
       {std::pair("name", &out.name), std::pair("generateName", &out.generate_name)}) {
    if (text_of(at(metadata, {field})).empty()) continue;
    auto text = evaluate_text(at(metadata, {field}), names, field);
    if (!text) return fail(std::move(text.error()));
    *into = std::move(*text);
  }
  for (const auto& [field, word, into] :
       {std::tuple("labels", "label", &out.labels),
        std::tuple("annotations", "annotation", &out.annotations)}) {
    if (!at(metadata, {field}).is_object()) continue;
    for (const auto& [key, source] : at(metadata, {field}).items()) {
      auto text = evaluate_text(source, names, std::string(word) + " \"" + key + "\"");
      if (!text) return fail(std::move(text.error()));
      (*into)[key] = std::move(*text);
    }
  }
  return {};
}

Result<void> read_parameters(const Json& list, const EventNames& names, Triggered& out) {
  if (!list.is_array()) return {};
  for (const Json& parameter : list) {
    const std::string name = text_of(at(parameter, {"name"}));
    const std::string source = text_of(at(parameter, {"valueFrom", "event"}));
    if (source.empty()) {
      return fail(Code::InvalidArgument,
                  "malformed workflow template parameter \"" + name + "\": valueFrom is nil");
    }
    auto value = evaluate(source, names);
    if (!value) {
      return fail(
          std::move(value.error())
              .wrap("failed to evaluate workflow template parameter \"" + name + "\" expression"));
    }
    if (value->is_nil()) {
      out.parameters.emplace_back(name, "null");
      continue;
    }
    auto text = expr::to_text(*value);
    if (!text) {
      return fail(std::move(text.error())
                      .wrap("failed to convert result to JSON \"" + name + "\" expression"));
    }
    out.parameters.emplace_back(name, std::move(*text));
  }
  return {};
}

}  // namespace

Result<std::optional<Triggered>> evaluate_binding(const Resource& binding,
                                                  const api::Event& event) {
  const Json object = Json::parse(*binding.json, nullptr, false);
  const EventNames names(event);
  auto selector = expr::Expression::parse(text_of(at(object, {"spec", "event", "selector"})));
  auto matched = selector ? selector->evaluate_bool(names, {}) : fail(selector.error());
  if (!matched) {
    return fail(std::move(matched.error()).wrap("failed to evaluate workflow template expression"));
  }
  const Json& submit = at(object, {"spec", "submit"});
  if (!*matched || !submit.is_object()) return std::nullopt;
  Triggered out;
  out.template_name = text_of(at(submit, {"workflowTemplateRef", "name"}));
  if (at(submit, {"workflowTemplateRef", "clusterScope"}) == true) {
    out.kind = api::ResourceKind::ClusterWorkflowTemplate;
  }
  if (auto read = read_metadata(at(submit, {"metadata"}), names, out); !read) {
    return fail(std::move(read.error()));
  }
  out.labels["workflows.argoproj.io/workflow-event-binding"] = binding.name;
  if (auto read = read_parameters(at(submit, {"arguments", "parameters"}), names, out); !read) {
    return fail(std::move(read.error()));
  }
  return out;
}

Result<void> check_binding(const std::string& json) {
  const Json object = Json::parse(json, nullptr, false);
  auto check = [](const Json& source, const std::string& field) -> Result<void> {
    auto parsed = expr::Expression::parse(text_of(source));
    if (parsed) return {};
    return fail(std::move(parsed.error()).wrap(field));
  };
  if (auto ok = check(at(object, {"spec", "event", "selector"}), "spec.event.selector"); !ok) {
    return ok;
  }
  const Json& submit = at(object, {"spec", "submit"});
  if (submit.is_null()) return {};
  if (text_of(at(submit, {"workflowTemplateRef", "name"})).empty()) {
    return fail(Code::InvalidArgument, "spec.submit.workflowTemplateRef.name is required");
  }
  const Json& parameters = at(submit, {"arguments", "parameters"});
  if (!parameters.is_array()) return {};
  for (const Json& parameter : parameters) {
    const std::string name = text_of(at(parameter, {"name"}));
    if (auto ok = check(at(parameter, {"valueFrom", "event"}),
                        "spec.submit.arguments.parameters." + name + ".valueFrom.event");
        !ok) {
      return ok;
    }
  }
  return {};
}

}  // namespace gantry
