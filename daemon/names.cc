#include "daemon/names.h"

#include <algorithm>

#include "base/ids.h"

namespace gantry {
namespace {

constexpr std::size_t kLongestWorkflow = 63;
constexpr std::size_t kLongestObject = 253;
constexpr int kSuffix = 5;

bool is_lower_alnum(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

bool is_label(std::string_view text) {
  return !text.empty() && is_lower_alnum(text.front()) && is_lower_alnum(text.back()) &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return is_lower_alnum(c) || c == '-'; });
}

bool is_subdomain(std::string_view text) {
  while (true) {
    std::size_t dot = text.find('.');
    if (!is_label(text.substr(0, dot))) return false;
    if (dot == std::string_view::npos) return true;
    text.remove_prefix(dot + 1);
  }
}

tl::unexpected<Error> invalid(std::string_view resource, std::string_view field,
                              const std::string& value, std::string_view why) {
  return fail(Code::InvalidArgument, std::string(resource) + " \"" + value +
                                         "\" is invalid: " + std::string(field) +
                                         ": Invalid value: \"" + value + "\": " + std::string(why));
}

constexpr std::string_view kSubdomain =
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or "
    "'.', and must start and end with an alphanumeric character";
constexpr std::string_view kLabel =
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and "
    "must "
    "start and end with an alphanumeric character";

}  // namespace

Result<void> check_workflow_name(const std::string& name) {
  if (name.size() > kLongestWorkflow) {
    return fail(Code::InvalidArgument,
                "workflow name \"" + name +
                    "\" must not be more than 63 characters long (currently " +
                    std::to_string(name.size()) + ")");
  }
  if (!is_subdomain(name)) {
    return invalid("Workflow.argoproj.io", "metadata.name", name, kSubdomain);
  }
  return {};
}

Result<void> check_object_name(std::string_view resource, const std::string& name) {
  if (name.size() > kLongestObject || !is_subdomain(name)) {
    return invalid(resource, "metadata.name", name, kSubdomain);
  }
  return {};
}

Result<void> check_namespace(const std::string& name) {
  if (name.size() > kLongestWorkflow || !is_label(name)) {
    return invalid("Namespace", "metadata.name", name, kLabel);
  }
  return {};
}

Result<void> check_object_key(const std::string& key) {
  bool valid = !key.empty() && key.size() <= kLongestObject && key != "." && key != ".." &&
               std::all_of(key.begin(), key.end(), [](unsigned char c) {
                 return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.';
               });
  if (valid) return {};
  return fail(
      Code::InvalidArgument,
      "data[" + key + "]: Invalid value: \"" + key +
          "\": a valid config key must consist of alphanumeric characters, '-', '_' or '.'");
}

std::string generate_name(const std::string& prefix) {
  return prefix.substr(0, kLongestWorkflow - kSuffix) + random_suffix(kSuffix);
}

}  // namespace gantry
