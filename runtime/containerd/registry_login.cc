#include "runtime/containerd/registry_login.h"

#include <string_view>

namespace gantry::containerd {
namespace {

struct Server {
  std::string_view host, path;
};

Server parse(std::string_view server) {
  for (std::string_view scheme : {"https://", "http://"}) {
    if (server.starts_with(scheme)) server.remove_prefix(scheme.size());
  }
  const auto slash = server.find('/');
  Server out{server.substr(0, slash),
             slash == std::string_view::npos ? "" : server.substr(slash + 1)};
  while (out.path.ends_with('/')) out.path.remove_suffix(1);
  if (out.path == "v1" || out.path == "v2") out.path = {};
  if (out.host == "index.docker.io" || out.host == "registry-1.docker.io") out.host = "docker.io";
  return out;
}

/// `*` stands for any characters. Linear but for the last star.
bool fits_label(std::string_view pattern, std::string_view label) {
  std::size_t p = 0, l = 0, star = std::string_view::npos, from = 0;
  while (l < label.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      from = l;
    } else if (p < pattern.size() && pattern[p] == label[l]) {
      ++p, ++l;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      l = ++from;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

/// Part for part: a star does not go over a dot.
bool fits_host(std::string_view pattern, std::string_view host) {
  for (;;) {
    const auto p = pattern.find('.'), h = host.find('.');
    if (!fits_label(pattern.substr(0, p), host.substr(0, h))) return false;
    if (p == std::string_view::npos || h == std::string_view::npos) return p == h;
    pattern.remove_prefix(p + 1);
    host.remove_prefix(h + 1);
  }
}

bool fits_path(std::string_view prefix, std::string_view path) {
  return prefix.empty() ||
         (path.starts_with(prefix) && (path.size() == prefix.size() || path[prefix.size()] == '/'));
}

}  // namespace

std::string user_for(const std::vector<runtime::RegistryLogin>& logins,
                     const Reference& reference) {
  const runtime::RegistryLogin* best = nullptr;
  std::size_t best_path = 0;
  for (const runtime::RegistryLogin& login : logins) {
    const Server server = parse(login.server);
    if (!fits_host(server.host, reference.domain) || !fits_path(server.path, reference.path))
      continue;
    if (best != nullptr && server.path.size() <= best_path) continue;
    best = &login;
    best_path = server.path.size();
  }
  return best == nullptr ? "" : best->user + ":" + best->password;
}

}  // namespace gantry::containerd
