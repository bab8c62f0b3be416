// What a pod may have besides its main container: init containers, sidecars, the containers of a set, probes, names
// of hosts.

#include <algorithm>
#include <unordered_map>

#include "workflow/argo/compiler.h"
#include "workflow/quantity.h"

namespace gantry::workflow::argo {
namespace {

/// Names of containers that Argo keeps for itself.
bool is_reserved(std::string_view name) { return name == "init" || name == "wait" || name == "main"; }
/// Those that it looks for (argo-workflows workflow/common IsArgoSidecar).
bool is_argos(std::string_view name) {
  return name == "wait" || name == "supervisor" || name.starts_with("artifact-plugin-");
}

/// RFC 1123 label.
bool is_container_name(std::string_view name) {
  const auto good = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; };
  return !name.empty() && name.size() <= 63 && name.front() != '-' && name.back() != '-' &&
         std::all_of(name.begin(), name.end(), good);
}

}  // namespace

std::vector<workflow::Container> Compiler::beside(const argo::Template& written, const std::string& where) {
  std::vector<workflow::Container> out;
  std::unordered_map<std::string_view, Mark> names;
  const auto add = [&](const List<UserContainer>& list, const std::string& field, workflow::Container::Role role) {
    for (std::size_t i = 0; i < list.value.size(); ++i) {
      const UserContainer& one = list.value[i];
      const std::string path = item_path(where + "." + field, i);
      if (one.name.empty() && !one.flawed) {
        const bool init = role == workflow::Container::Role::Init;
        init ? diagnostics_.error(one.at, path + ".name is required") : error(one.at, path + ".name is required");
      }
      if (role == workflow::Container::Role::Sidecar && is_argos(one.name.value)) {
        diagnostics_.error(one.name.at,
                           path + ".name: \"" + std::string(one.name.value) + "\" is a reserved Argo container name");
      } else if (!one.name.empty() && (is_reserved(one.name.value) || !is_container_name(one.name.value))) {
        error(one.name.at, path + ".name '" + std::string(one.name.value) +
                               "' is invalid: it must be a lowercase RFC 1123 label other than main, init and wait");
      }
      if (!names.emplace(one.name.value, one.name.at).second && !one.name.empty()) {
        error(one.name.at, path + ".name '" + std::string(one.name.value) + "' is not unique");
      }
      workflow::Container made = container(one, path);
      made.name = one.name.value;
      made.role = role;
      made.mirror_volume_mounts = one.mirror_volume_mounts.value;
      out.push_back(std::move(made));
    }
  };
  add(written.init_containers, "initContainers", workflow::Container::Role::Init);
  add(written.sidecars, "sidecars", workflow::Container::Role::Sidecar);
  if (!out.empty() && written.container_set.set) {
    error(out.front().at, where + ": initContainers and sidecars are not supported with containerSet");
  }
  return out;
}

void Compiler::container_set(const argo::ContainerSetTemplate& written, PodTemplate& out, const std::string& where) {
  const auto& containers = written.containers.value;
  if (containers.empty() && !written.flawed) error(written.at, where + ".containers must have at least one container");
  std::unordered_map<std::string_view, std::size_t> names;
  for (std::size_t i = 0; i < containers.size(); ++i) {
    const ContainerNode& one = containers[i];
    const std::string path = item_path(where + ".containers", i);
    if (one.name.empty() && !one.flawed) error(one.at, path + ".name is required");
    if (is_argos(one.name.value)) {
      error(one.name.at, path + ".name: \"" + std::string(one.name.value) + "\" is a reserved Argo container name");
    } else if (!one.name.empty() && !is_container_name(one.name.value)) {
      own_error(one.name.at, path + ".name '" + std::string(one.name.value) + "' is invalid: it must be a lowercase RFC 1123 label");
    }
    if (!names.emplace(one.name.value, i).second && !one.name.empty()) {
      error(one.name.at, path + ".name '" + std::string(one.name.value) + "' is not unique");
    }
  }
  std::vector<std::vector<std::size_t>> needs(containers.size());
  for (std::size_t i = 0; i < containers.size(); ++i) {
    const std::string path = item_path(where + ".containers", i);
    const OwnChecks own(*this);
    workflow::Container made = container(containers[i], path);
    made.name = containers[i].name.value;
    for (const Str& name : containers[i].dependencies.value) {
      const auto found = names.find(name.value);
      if (found == names.end()) {
        diagnostics_.error(name.at, path + ".dependencies: container '" + std::string(name.value) + "' is not defined");
      } else {
        needs[i].push_back(found->second);
        made.dependencies.emplace_back(name.value);
      }
    }
    out.set.push_back(std::move(made));
  }
  // A set is small: take away what needs nothing that is left, until nothing changes.
  std::vector<bool> gone(containers.size(), false);
  for (bool changed = true; changed;) {
    changed = false;
    for (std::size_t i = 0; i < needs.size(); ++i) {
      if (gone[i] || !std::all_of(needs[i].begin(), needs[i].end(), [&](std::size_t n) { return gone[n]; })) continue;
      gone[i] = changed = true;
    }
  }
  for (std::size_t i = 0; i < gone.size(); ++i) {
    if (!gone[i]) {
      error(containers[i].at, item_path(where + ".containers", i) + ": dependency cycle detected");
      break;
    }
  }
  out.set_mounts = mounts(written.volume_mounts, where + ".volumeMounts");
  out.set_retries = optional_text(written.retry_strategy.retries, where + ".retryStrategy.retries");
  if (!written.retry_strategy.duration.empty()) {
    out.set_retry_pause = text(written.retry_strategy.duration, where + ".retryStrategy.duration");
  }
}

std::optional<ContainerAction> Compiler::action(const argo::Action& written, const std::string& where) {
  if (!written.set) return std::nullopt;
  const int kinds = written.exec.set + written.http_get.set + written.tcp_socket.set + written.grpc.set + written.sleep.set;
  if (kinds != 1) {
    if (!written.flawed) error(written.at, where + ": exactly one action is required (exec, httpGet, tcpSocket, …)");
    return std::nullopt;
  }
  ContainerAction out;
  const auto port = [&](const Str& number, const std::string& path) {
    const bool literal = number.value.find("{{") == std::string_view::npos;
    const bool digits = !number.empty() && std::all_of(number.value.begin(), number.value.end(),
                                                       [](char c) { return c >= '0' && c <= '9'; });
    if (literal && !digits && !written.flawed) {
      error(number.set ? number.at : written.at, path + ": expected the number of a port, found \"" +
                                                     std::string(number.value) + "\" (names of ports mean nothing here)");
    }
    return text(number, path);
  };
  if (written.exec.set) {
    for (const Str& word : written.exec.command.value) out.command.push_back(text(word, where + ".exec.command"));
  } else if (written.http_get.set) {
    const HttpGetAction& get = written.http_get;
    out.kind = ContainerAction::Kind::HttpGet;
    out.path = text(get.path, where + ".httpGet.path");
    out.host = text(get.host, where + ".httpGet.host");
    out.port = port(get.port, where + ".httpGet.port");
    out.https = get.scheme.value == "HTTPS";
    for (const HttpHeader& header : get.headers.value) {
      out.headers.emplace_back(text(header.name, where), text(header.value, where));
    }
  } else if (written.tcp_socket.set) {
    out.kind = ContainerAction::Kind::TcpSocket;
    out.host = text(written.tcp_socket.host, where + ".tcpSocket.host");
    out.port = port(written.tcp_socket.port, where + ".tcpSocket.port");
  } else if (written.grpc.set) {
    out.kind = ContainerAction::Kind::Grpc;
    out.port = Text::literal(std::to_string(written.grpc.port.value));
    out.service = text(written.grpc.service, where + ".grpc.service");
  } else {
    out.kind = ContainerAction::Kind::Sleep;
    out.seconds = written.sleep.seconds.value;
  }
  return out;
}

std::optional<ContainerProbe> Compiler::probe(const argo::Probe& written, const std::string& where) {
  auto what = action(written, where);
  if (!what) return std::nullopt;
  ContainerProbe out;
  out.action = std::move(*what);
  const auto number = [&](const Int& from, std::int64_t& to, std::int64_t least) {
    if (!from.set) return;
    if (from.value < least) {
      error(from.at, where + ": expected a number of at least " + std::to_string(least));
    } else if (from.value > 0) {  // 0 is Go's for the default
      to = from.value;
    }
  };
  number(written.initial_delay, out.initial_delay, 0);
  number(written.period, out.period, 0);
  number(written.timeout, out.timeout, 0);
  number(written.success_threshold, out.success_threshold, 0);
  number(written.failure_threshold, out.failure_threshold, 0);
  return out;
}

std::vector<workflow::HostAlias> Compiler::host_aliases(const List<argo::HostAlias>& written, const std::string& where) {
  std::vector<workflow::HostAlias> out;
  for (std::size_t i = 0; i < written.value.size(); ++i) {
    const argo::HostAlias& alias = written.value[i];
    if (alias.ip.empty() && !alias.flawed) error(alias.at, item_path(where, i) + ".ip is required");
    workflow::HostAlias made;
    made.ip = text(alias.ip, item_path(where, i) + ".ip");
    for (const Str& name : alias.hostnames.value) made.hostnames.push_back(text(name, item_path(where, i) + ".hostnames"));
    out.push_back(std::move(made));
  }
  return out;
}

void Compiler::dns() {
  const DnsConfig& written = spec_.dns_config;
  plan_.dns.policy = spec_.dns_policy.value;
  constexpr std::string_view kPolicies[] = {"", "ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"};
  if (std::find(std::begin(kPolicies), std::end(kPolicies), spec_.dns_policy.value) == std::end(kPolicies)) {
    error(spec_.dns_policy.at, "spec.dnsPolicy must be ClusterFirst, ClusterFirstWithHostNet, Default or None, found \"" +
                                   plan_.dns.policy + "\"");
  }
  for (const Str& server : written.nameservers.value) plan_.dns.nameservers.push_back(text(server, "spec.dnsConfig.nameservers"));
  for (const Str& search : written.searches.value) plan_.dns.searches.push_back(text(search, "spec.dnsConfig.searches"));
  for (const DnsOption& option : written.options.value) {
    plan_.dns.options.emplace_back(text(option.name, "spec.dnsConfig.options"),
                                   optional_text(option.value, "spec.dnsConfig.options"));
  }
}

}  // namespace gantry::workflow::argo
