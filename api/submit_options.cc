#include "api/submit_options.h"

#include <charconv>

#include "api/errors.h"
#include "api/selector.h"
#include "base/json_text.h"

namespace gantry::api {
namespace {

tl::unexpected<Error> pass(Error error) { return tl::unexpected<Error>(std::move(error)); }

Result<bool> parse_flag(std::string_view name, const std::string& value) {
  if (value == "true") return true;
  if (value == "false" || value.empty()) return false;
  return fail(Code::InvalidArgument,
              "submitOptions." + std::string(name) + ": \"" + value + "\" is not true or false");
}

/// What absent means to Go's clients, which write zero values too.
bool is_absent(const Json& value) {
  return value.is_null() || value == "" || value == false || (value.is_array() && value.empty());
}

}  // namespace

Result<std::pair<std::string, std::string>> parse_parameter(const std::string& text) {
  std::size_t equals = text.find('=');
  if (equals == std::string::npos) {
    return fail(Code::InvalidArgument,
                "expected parameter of the form: NAME=VALUE. Received: " + text);
  }
  return std::pair(text.substr(0, equals), text.substr(equals + 1));
}

Result<void> set_submit_option(std::string_view name, const std::string& value,
                               CreateRequest& out) {
  const std::string full = "submitOptions." + std::string(name);
  if (name == "parameters") {
    auto parameter = parse_parameter(value);
    if (!parameter) return pass(std::move(parameter.error()));
    out.parameters.push_back(std::move(*parameter));
  } else if (name == "name") {
    out.name = value;
  } else if (name == "generateName") {
    out.generate_name = value;
  } else if (name == "entryPoint") {
    out.entrypoint = value;
  } else if (name == "serviceAccount") {
    out.service_account = value;
  } else if (name == "labels" || name == "annotations") {
    auto pairs = name == "labels" ? parse_labels(value) : parse_annotations(value);
    if (!pairs) return pass(std::move(pairs.error()).wrap(full));
    auto& target = name == "labels" ? out.labels : out.annotations;
    target.insert(target.end(), pairs->begin(), pairs->end());
  } else if (name == "priority") {
    int priority = 0;
    auto [rest, error] = std::from_chars(value.data(), value.data() + value.size(), priority);
    if (error != std::errc() || rest != value.data() + value.size()) {
      return fail(Code::InvalidArgument, full + ": \"" + value + "\" is not a 32-bit number");
    }
    out.priority = priority;
  } else if (name == "dryRun" || name == "serverDryRun") {
    auto flag = parse_flag(name, value);
    if (!flag) return pass(std::move(flag.error()));
    out.dry_run = out.dry_run || *flag;
  } else if (name == "podPriorityClassName") {
    // Kubernetes' classes have no meaning on one host; spec.priority has.
  } else {
    return fail(Code::Unimplemented, "not supported yet: " + full);
  }
  return {};
}

Result<void> read_submit_options(const Json& options, CreateRequest& out) {
  if (options.is_null()) return {};
  if (!options.is_object()) {
    return fail(Code::InvalidArgument, "submitOptions is not an object");
  }
  for (const auto& [name, value] : options.items()) {
    if (is_absent(value)) continue;
    if (name == "parameters" && !value.is_array()) {
      return fail(Code::InvalidArgument, "submitOptions.parameters is not a list");
    }
    const Json list = value.is_array() ? value : Json::array({value});
    for (const Json& item : list) {
      if (item.is_structured() && name != "artifacts" && name != "ownerReference") {
        return fail(Code::InvalidArgument,
                    "submitOptions." + name + ": " + json_text(item) + " is not a text");
      }
      std::string text = item.is_string() ? item.get<std::string>() : json_text(item);
      if (auto set = set_submit_option(name, text, out); !set) return set;
    }
  }
  return {};
}

Result<std::vector<std::pair<std::string, std::string>>> read_parameters(const Json& list) {
  std::vector<std::pair<std::string, std::string>> out;
  if (list.is_null()) return out;
  if (!list.is_array()) return fail(Code::InvalidArgument, "parameters is not a list");
  for (const Json& item : list) {
    if (!item.is_string()) return fail(Code::InvalidArgument, "parameters: wanted NAME=VALUE");
    auto parameter = parse_parameter(item.get<std::string>());
    if (!parameter) return pass(std::move(parameter.error()));
    out.push_back(std::move(*parameter));
  }
  return out;
}

}  // namespace gantry::api
