#include "runtime/containerd/name_resolution.h"

#include <algorithm>
#include <sstream>
#include <vector>

namespace gantry::containerd {
namespace {

struct Resolver {
  std::vector<std::string> servers, searches;
  std::vector<runtime::Dns::Option> options;
};

// resolv.conf(5): the last of several search lines counts.
Resolver parse(std::string_view text) {
  Resolver result;
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    line.resize(std::min(line.find_first_of("#;"), line.size()));
    std::istringstream words(line);
    std::string key, word;
    words >> key;
    if (key == "search" || key == "domain") result.searches.clear();
    while (words >> word) {
      if (key == "nameserver") result.servers.push_back(word);
      if (key == "search" || key == "domain") result.searches.push_back(word);
      if (key != "options") continue;
      const auto colon = word.find(':');
      runtime::Dns::Option option{word.substr(0, colon), std::nullopt};
      if (colon != std::string::npos) option.value = word.substr(colon + 1);
      result.options.push_back(std::move(option));
    }
  }
  return result;
}

bool is_loopback(const std::string& server) {
  return server.starts_with("127.") || server == "::1";
}

void append(std::vector<std::string>& list, const std::vector<std::string>& more) {
  for (const std::string& item : more) {
    if (std::find(list.begin(), list.end(), item) == list.end()) list.push_back(item);
  }
}

}  // namespace

std::string hosts_text(const runtime::PodSpec& pod, const std::string& address,
                       std::string host_hosts) {
  std::string text = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n";
  const bool on_host = pod.network == runtime::Network::Host;
  if (on_host && !host_hosts.empty()) {
    text = std::move(host_hosts);
    if (text.back() != '\n') text += '\n';
  }
  // The pod's own name, which programs look up (Java, sudo).
  if (!pod.hostname.empty()) {
    text += (on_host || address.empty() ? "127.0.0.1" : address) + "\t" + pod.hostname + "\n";
  }
  for (const runtime::HostAlias& alias : pod.host_aliases) {
    text += alias.ip + "\t";
    for (std::size_t i = 0; i < alias.hostnames.size(); ++i)
      text += (i == 0 ? "" : " ") + alias.hostnames[i];
    text += "\n";
  }
  return text;
}

std::string resolv_conf_text(const runtime::PodSpec& pod, std::string_view host_resolv_conf) {
  Resolver resolver;
  if (pod.dns.from_host && pod.network != runtime::Network::None)
    resolver = parse(host_resolv_conf);
  if (pod.network == runtime::Network::Bridge) std::erase_if(resolver.servers, is_loopback);
  append(resolver.servers, pod.dns.nameservers);
  append(resolver.searches, pod.dns.searches);
  for (const auto& option : pod.dns.options) {
    const auto same = std::find_if(resolver.options.begin(), resolver.options.end(),
                                   [&](const auto& one) { return one.name == option.name; });
    if (same == resolver.options.end()) {
      resolver.options.push_back(option);
    } else {
      same->value = option.value;
    }
  }
  std::string text;
  for (const std::string& server : resolver.servers) text += "nameserver " + server + "\n";
  if (!resolver.searches.empty()) {
    text += "search";
    for (const std::string& search : resolver.searches) text += " " + search;
    text += "\n";
  }
  if (!resolver.options.empty()) {
    text += "options";
    for (const auto& option : resolver.options) {
      text += " " + option.name + (option.value ? ":" + *option.value : "");
    }
    text += "\n";
  }
  return text;
}

bool needs_resolv_conf(const runtime::PodSpec& pod) {
  const runtime::Dns& dns = pod.dns;
  return pod.network == runtime::Network::Bridge || !dns.from_host || !dns.nameservers.empty() ||
         !dns.searches.empty() || !dns.options.empty();
}

bool has_reachable_server(std::string_view resolv_conf) {
  const Resolver resolver = parse(resolv_conf);
  return !std::all_of(resolver.servers.begin(), resolver.servers.end(), is_loopback);
}

}  // namespace gantry::containerd
