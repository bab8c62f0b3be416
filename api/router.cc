#include "api/router.h"

#include <algorithm>

#include "api/selector.h"

namespace gantry::api {
namespace {

using Segments = std::vector<std::string_view>;

Segments split(std::string_view path) {
  Segments segments;
  if (path.starts_with('/')) path.remove_prefix(1);
  while (true) {
    std::size_t slash = std::min(path.find('/'), path.size());
    segments.push_back(path.substr(0, slash));
    if (slash == path.size()) return segments;
    path.remove_prefix(slash + 1);
  }
}

bool is_param(std::string_view segment) { return segment.starts_with('{'); }
bool is_rest(std::string_view segment) { return segment.ends_with("...}"); }
std::string_view param_name(std::string_view segment) {
  segment.remove_prefix(1);
  segment.remove_suffix(is_rest(segment) ? 4 : 1);
  return segment;
}

bool fits(const Segments& pattern, const Segments& path) {
  bool rest = is_rest(pattern.back());
  std::size_t fixed = pattern.size() - (rest ? 1 : 0);
  if (rest ? path.size() < fixed : path.size() != fixed) return false;
  for (std::size_t i = 0; i < fixed; ++i) {
    if (is_param(pattern[i])) {
      if (path[i].empty() && pattern[i] != "{namespace}") return false;
    } else if (pattern[i] != path[i]) {
      return false;
    }
  }
  return true;
}

HttpError not_found(std::string_view path) {
  return Error{Code::NotFound, "Not Found: nothing is served at " + std::string(path)};
}

tl::expected<std::string, HttpError> decode(std::string_view name, std::string_view segment) {
  auto value = percent_decode(segment, false);
  if (!value) {
    return tl::unexpected<HttpError>(
        Error{Code::InvalidArgument,
              "the path has a broken percent escape in \"" + std::string(segment) + "\""});
  }
  if (name == "namespace" && !value->empty() && !is_dns_label(*value)) {
    return tl::unexpected<HttpError>(
        Error{Code::InvalidArgument, "\"" + *value +
                                         "\" is not a namespace: at most 63 of a-z 0-9 - and "
                                         "alphanumeric at both ends"});
  }
  if ((name == "name" || name == "podName") && *value != "@latest" && !is_dns_subdomain(*value)) {
    return tl::unexpected<HttpError>(Error{Code::NotFound, "\"" + *value + "\" not found"});
  }
  return std::move(*value);
}

}  // namespace

const std::string& Request::param(std::string_view name) const {
  static const std::string kEmpty;
  auto found =
      std::find_if(params.begin(), params.end(), [&](const auto& p) { return p.first == name; });
  return found == params.end() ? kEmpty : found->second;
}

Router::Router(std::vector<Route> routes) {
  for (Route& route : routes) routes_.push_back({route, split(route.pattern)});
}

tl::expected<Router::Match, HttpError> Router::match(std::string_view method,
                                                     std::string_view path) const {
  Segments segments = split(path);
  std::string allowed;
  for (const Compiled& candidate : routes_) {
    if (!fits(candidate.segments, segments)) continue;
    if (candidate.route.method != "*" && candidate.route.method != method) {
      if (!allowed.empty()) allowed += ", ";
      allowed += candidate.route.method;
      continue;
    }
    Match match{&candidate.route, {}};
    for (std::size_t i = 0; i < candidate.segments.size(); ++i) {
      std::string_view segment = candidate.segments[i];
      if (!is_param(segment)) continue;
      std::string_view name = param_name(segment);
      // The rest of the path keeps its slashes: segments are views into one string.
      std::string_view text;
      if (!is_rest(segment)) {
        text = segments[i];
      } else if (i < segments.size()) {
        text = std::string_view(segments[i].data(),
                                static_cast<std::size_t>(path.end() - segments[i].data()));
      }
      auto value = decode(name, text);
      if (!value) return tl::unexpected<HttpError>(std::move(value.error()));
      match.params.emplace_back(name, std::move(*value));
    }
    return match;
  }
  if (allowed.empty()) return tl::unexpected<HttpError>(not_found(path));
  return tl::unexpected<HttpError>(
      HttpError(405,
                {Code::Unimplemented, "Method Not Allowed: " + std::string(path) + " takes " +
                                          allowed + ", not " + std::string(method)},
                allowed));
}

}  // namespace gantry::api
