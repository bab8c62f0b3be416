#include "api/fields.h"

#include <algorithm>

namespace gantry::api {
namespace {

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (true) {
    std::size_t end = std::min(text.find(separator), text.size());
    parts.emplace_back(text.substr(0, end));
    if (end == text.size()) return parts;
    text.remove_prefix(end + 1);
  }
}

/// Whether `path` begins with all of `prefix`.
bool begins(const std::vector<std::string>& path, const std::vector<std::string>& prefix) {
  return prefix.size() <= path.size() && std::equal(prefix.begin(), prefix.end(), path.begin());
}

}  // namespace

Fields::Fields(std::string_view text) {
  if (!text.empty() && text.front() == '-') {
    exclude_ = true;
    text.remove_prefix(1);
  }
  for (std::string& path : split(text, ',')) {
    // `-a,-b` is a natural way to write `-a,b`.
    if (exclude_ && !path.empty() && path.front() == '-') path.erase(0, 1);
    if (!path.empty()) paths_.push_back(split(path, '.'));
  }
}

void Fields::apply(Json& json) const {
  if (paths_.empty()) return;
  Path at;
  clean(json, at);
}

void Fields::clean(Json& json, Path& at) const {
  if (json.is_array()) {
    for (Json& item : json) clean(item, at);
    return;
  }
  if (!json.is_object()) return;
  for (auto it = json.begin(); it != json.end();) {
    at.push_back(it.key());
    bool named = std::any_of(paths_.begin(), paths_.end(), [&](const Path& p) { return p == at; });
    bool above =
        std::any_of(paths_.begin(), paths_.end(), [&](const Path& p) { return begins(p, at); });
    bool keep = exclude_ ? !named : above;
    if (keep && !named && above) clean(*it, at);
    it = keep ? std::next(it) : json.erase(it);
    at.pop_back();
  }
}

bool Fields::excludes(std::string_view text) const {
  if (paths_.empty()) return false;
  Path path = split(text, '.');
  bool inside =
      std::any_of(paths_.begin(), paths_.end(), [&](const Path& p) { return begins(path, p); });
  bool above =
      std::any_of(paths_.begin(), paths_.end(), [&](const Path& p) { return begins(p, path); });
  return exclude_ ? inside : !inside && !above;
}

}  // namespace gantry::api
