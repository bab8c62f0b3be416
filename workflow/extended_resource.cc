#include "workflow/extended_resource.h"

#include <algorithm>

namespace gantry::workflow {
namespace {

bool is_lower_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }
bool is_alphanumeric(char c) { return is_lower_or_digit(c) || (c >= 'A' && c <= 'Z'); }

bool is_subdomain(std::string_view text) {
  if (text.size() > 253) return false;
  for (;;) {
    const std::string_view part = text.substr(0, text.find('.'));
    if (part.empty() || !is_lower_or_digit(part.front()) || !is_lower_or_digit(part.back())) return false;
    if (!std::all_of(part.begin(), part.end(), [](char c) { return is_lower_or_digit(c) || c == '-'; })) return false;
    if (part.size() == text.size()) return true;
    text.remove_prefix(part.size() + 1);
  }
}

bool is_name_part(std::string_view text) {
  return !text.empty() && text.size() <= 63 && is_alphanumeric(text.front()) && is_alphanumeric(text.back()) &&
         std::all_of(text.begin(), text.end(), [](char c) { return is_alphanumeric(c) || c == '-' || c == '_' || c == '.'; });
}

}  // namespace

// k8s.io/kubernetes pkg/apis/core/v1/helper IsExtendedResourceName, with what its quota makes of the name left out.
std::string check_extended_resource(std::string_view name) {
  const std::size_t slash = name.find('/');
  const std::string found = "\"" + std::string(name) + "\" ";
  if (slash == std::string_view::npos) return found + "must be a domain and a name, such as nvidia.com/gpu";
  const std::string_view domain = name.substr(0, slash);
  if (!is_subdomain(domain)) {
    return found + "must begin with a domain in lower case, such as nvidia.com in nvidia.com/gpu";
  }
  if (domain == "kubernetes.io" || domain.ends_with(".kubernetes.io")) {
    return found + "must be a standard resource: the domain kubernetes.io is Kubernetes' own";
  }
  if (!is_name_part(name.substr(slash + 1))) {
    return found + "must end in a name of at most 63 of A-Z a-z 0-9 - _ . with an alphanumeric at both ends";
  }
  return {};
}

}  // namespace gantry::workflow
