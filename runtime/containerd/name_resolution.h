#pragma once

// The texts of a pod's /etc/hosts and /etc/resolv.conf. Pure functions.

#include <string>
#include <string_view>

#include "runtime/pod.h"

namespace gantry::containerd {

/// `host_hosts` is the host's own file, which pods on the host's network see too. `address` is the
/// pod's; empty: it has none but the loopback's.
std::string hosts_text(const runtime::PodSpec& pod, const std::string& address,
                       std::string host_hosts);

/// Kubernetes' merge (pkg/kubelet/network/dns/dns.go appendDNSConfig): the pod's dnsConfig after
/// the host's settings, options of the same name replaced. On the bridge the host's loopback name
/// servers are left out: they cannot be reached.
std::string resolv_conf_text(const runtime::PodSpec& pod, std::string_view host_resolv_conf);

/// Whether the pod's file is not simply the host's.
bool needs_resolv_conf(const runtime::PodSpec& pod);

/// Whether `resolv_conf` names a server that is not on the loopback.
bool has_reachable_server(std::string_view resolv_conf);

}  // namespace gantry::containerd
