#include "daemon/policy.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <variant>

namespace gantry {
namespace {

// Kubernetes' Pod Security Standards, profile Baseline: the capabilities that may be added.
constexpr std::array<std::string_view, 13> kBaselineCapabilities{
    "AUDIT_WRITE",      "CHOWN",   "DAC_OVERRIDE", "FOWNER",  "FSETID", "KILL",      "MKNOD",
    "NET_BIND_SERVICE", "SETFCAP", "SETGID",       "SETPCAP", "SETUID", "SYS_CHROOT"};

tl::unexpected<Error> denied(const std::string& what) {
  return fail(Code::PermissionDenied,
              what + " needs allow_privileged: true in gantryd's configuration");
}

Result<void> check_container(const Policy& policy, const runtime::ContainerSpec& container) {
  if (policy.allow_privileged) return {};
  std::string who = "container \"" + container.name + "\": ";
  const runtime::Security& security = container.security;
  if (security.privileged) return denied(who + "privileged");
  for (const std::string& capability : security.capabilities_add) {
    bool baseline = std::find(kBaselineCapabilities.begin(), kBaselineCapabilities.end(),
                              capability) != kBaselineCapabilities.end();
    if (!baseline) return denied(who + "capability " + capability);
  }
  if (security.seccomp_unconfined) return denied(who + "seccomp profile Unconfined");
  return {};
}

bool is_allowed(const Policy& policy, const std::string& path) {
  return std::any_of(policy.host_path_allow.begin(), policy.host_path_allow.end(),
                     [&](const std::string& prefix) { return is_below(path, prefix); });
}

Result<void> check_host_path(const Policy& policy, const std::string& volume,
                             const std::string& asked, const std::string& path) {
  if (is_allowed(policy, path)) return {};
  std::string leads = path == normalise_path(asked) ? "" : " (which leads to \"" + path + "\")";
  return fail(Code::PermissionDenied, "volume \"" + volume + "\": hostPath \"" + asked + "\"" +
                                          leads +
                                          " is not below a path of host_path_allow in gantryd's "
                                          "configuration");
}

}  // namespace

std::string normalise_path(const std::string& path) {
  std::vector<std::string> parts;
  bool absolute = !path.empty() && path.front() == '/';
  std::size_t start = 0;
  while (start < path.size()) {
    std::size_t end = std::min(path.find('/', start), path.size());
    std::string part = path.substr(start, end - start);
    start = end + 1;
    if (part.empty() || part == ".") continue;
    if (part != "..") {
      parts.push_back(std::move(part));
    } else if (!parts.empty() && parts.back() != "..") {
      parts.pop_back();
    } else if (!absolute) {
      parts.push_back(std::move(part));
    }
  }
  std::string text = absolute ? "/" : "";
  for (std::size_t i = 0; i < parts.size(); ++i) text += (i == 0 ? "" : "/") + parts[i];
  return text.empty() ? "." : text;
}

bool is_below(const std::string& path, const std::string& prefix) {
  if (prefix == "/") return !path.empty() && path.front() == '/';
  return path.starts_with(prefix) && (path.size() == prefix.size() || path[prefix.size()] == '/');
}

Result<void> check_policy(const Policy& policy, const runtime::PodSpec& pod) {
  for (const runtime::Volume& volume : pod.volumes) {
    const auto* host = std::get_if<runtime::HostPath>(&volume.source);
    if (host == nullptr) continue;
    if (host->path.empty() || host->path.front() != '/') {
      return fail(Code::InvalidArgument, "volume \"" + volume.name + "\": hostPath \"" +
                                             host->path + "\" must be absolute");
    }
    auto done = check_host_path(policy, volume.name, host->path, normalise_path(host->path));
    if (!done) return done;
  }
  if (pod.host_pid && !policy.allow_privileged) return denied("hostPID");
  if (pod.host_ipc && !policy.allow_privileged) return denied("hostIPC");
  if (pod.network == runtime::Network::Host && !policy.allow_host_network) {
    return fail(Code::PermissionDenied,
                "hostNetwork needs allow_host_network: true in gantryd's configuration");
  }
  for (const runtime::ContainerSpec& container : pod.containers) {
    if (auto done = check_container(policy, container); !done) return done;
  }
  return {};
}

bool has_host_paths(const runtime::PodSpec& pod) {
  return std::any_of(pod.volumes.begin(), pod.volumes.end(), [](const runtime::Volume& volume) {
    return std::holds_alternative<runtime::HostPath>(volume.source);
  });
}

Result<void> resolve_host_paths(const Policy& policy, runtime::PodSpec& pod) {
  namespace fs = std::filesystem;
  // The allow-list may itself go through links (/var/run → /run).
  Policy resolved = policy;
  for (std::string& prefix : resolved.host_path_allow) {
    std::error_code error;
    fs::path real = fs::weakly_canonical(prefix, error);
    if (!error) prefix = real.string();
  }
  for (runtime::Volume& volume : pod.volumes) {
    auto* host = std::get_if<runtime::HostPath>(&volume.source);
    if (host == nullptr) continue;
    std::error_code error;
    std::string real = normalise_path(fs::weakly_canonical(host->path, error).string());
    if (error) {
      return fail(Code::FailedPrecondition, "volume \"" + volume.name + "\": hostPath \"" +
                                                host->path + "\": " + error.message());
    }
    auto done = check_host_path(resolved, volume.name, host->path, real);
    if (!done) return done;
    host->path = real;
  }
  return {};
}

}  // namespace gantry
