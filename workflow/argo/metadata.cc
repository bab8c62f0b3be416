#include "workflow/argo/metadata.h"

#include <algorithm>
#include <string>
#include <utility>

namespace gantry::workflow::argo {
namespace {

constexpr std::size_t kLongestName = 63;
constexpr std::size_t kLongestSubdomain = 253;

bool is_lower_alphanumeric(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }
bool is_alphanumeric(char c) { return is_lower_alphanumeric(c) || (c >= 'A' && c <= 'Z'); }

/// Labels of lower case letters, digits and '-', separated by dots (RFC 1123).
bool is_subdomain(std::string_view name) {
  bool start = true;
  char last = '.';
  for (const char c : name) {
    if (c == '.') {
      if (start || last == '-') return false;
      start = true;
    } else if (is_lower_alphanumeric(c)) {
      start = false;
    } else if (c != '-' || start) {
      return false;
    }
    last = c;
  }
  return !start && last != '-';
}

/// `[prefix/]name` of a label or an annotation.
bool is_qualified_name(std::string_view key) {
  if (const std::size_t slash = key.find('/'); slash != std::string_view::npos) {
    if (slash > kLongestSubdomain || !is_subdomain(key.substr(0, slash))) return false;
    key.remove_prefix(slash + 1);
  }
  return !key.empty() && key.size() <= kLongestName && is_alphanumeric(key.front()) &&
         is_alphanumeric(key.back()) && std::all_of(key.begin(), key.end(), [](char c) {
           return is_alphanumeric(c) || c == '-' || c == '_' || c == '.';
         });
}

bool is_label_value(std::string_view value) {
  return value.empty() || (value.find('/') == value.npos && is_qualified_name(value));
}

class MetadataCheck {
 public:
  MetadataCheck(bool lint, Diagnostics& diagnostics) : lint_(lint), diagnostics_(diagnostics) {}

  /// What Kubernetes finds, and Argo does not.
  void error(Mark at, std::string message) {
    lint_ ? diagnostics_.warning(at, std::move(message)) : diagnostics_.error(at, std::move(message));
  }

  void subdomain(const Str& name, std::string_view field, bool prefix) {
    std::string_view value = name.value;
    // A dash at the end of a prefix is not the end of the name.
    if (prefix && value.ends_with('-')) value.remove_suffix(1);
    if (is_subdomain(value)) return;
    error(
        name.at,
        std::string(field) + ": Invalid value: \"" + std::string(name.value) +
            "\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric "
            "characters, '-' or '.', and must start and end with an alphanumeric character");
  }

  std::map<std::string, std::string> map(const StrMap& written, std::string_view field,
                                         bool labels) {
    std::map<std::string, std::string> out;
    for (const KeyValue& entry : written.value) {
      const std::string path = std::string(field) + "." + std::string(entry.key);
      if (!is_qualified_name(entry.key)) {
        error(
            entry.at,
            path +
                ": name part must consist of alphanumeric characters, '-', '_' or '.', and "
                "must start and end with an alphanumeric character");
      }
      if (labels && !is_label_value(entry.value.value)) {
        error(
            entry.value.at,
            path +
                ": a valid label must be an empty string or consist of at most 63 alphanumeric "
                "characters, '-', '_' or '.', and must start and end with an alphanumeric "
                "character");
      }
      out.emplace(entry.key, entry.value.value);
    }
    return out;
  }

 private:
  bool lint_;
  Diagnostics& diagnostics_;
};

}  // namespace

Metadata metadata(const Workflow& workflow, bool lint, Diagnostics& diagnostics) {
  const ObjectMeta& written = workflow.metadata;
  MetadataCheck check(lint, diagnostics);
  Metadata out{.name = std::string(written.name.value),
               .generate_name = std::string(written.generate_name.value),
               .name_space = std::string(written.name_space.value)};
  if (out.name.size() > kLongestName) {
    diagnostics.error(written.name.at,
                      "workflow name \"" + out.name +
                          "\" must not be more than 63 characters long (currently " +
                          std::to_string(out.name.size()) + ")");
  }
  if (!out.name.empty()) {
    check.subdomain(written.name, "metadata.name", false);
  } else if (!out.generate_name.empty()) {
    check.subdomain(written.generate_name, "metadata.generateName", true);
  } else if (!written.flawed && !workflow.flawed) {
    check.error(written.set ? written.at : workflow.at,
                "metadata.name or metadata.generateName is required");
  }
  if (!out.name_space.empty()) {
    check.subdomain(written.name_space, "metadata.namespace", false);
    if (out.name_space.find('.') != std::string::npos || out.name_space.size() > kLongestName) {
      check.error(written.name_space.at,
                  "metadata.namespace: Invalid value: \"" + out.name_space +
                            "\": must be at most 63 characters without dots");
    }
  }
  out.labels = check.map(written.labels, "metadata.labels", true);
  out.annotations = check.map(written.annotations, "metadata.annotations", false);
  return out;
}

}  // namespace gantry::workflow::argo
