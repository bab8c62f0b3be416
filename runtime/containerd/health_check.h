#pragma once

// What probes and hooks ask over the network. Every function blocks up to its time limit; a worker
// calls it.

#include <string>

#include "base/clock.h"
#include "base/error.h"
#include "runtime/pod.h"

namespace gantry::containerd {

/// Where to ask: an address, and the network namespace to ask from; empty: ours.
struct HealthTarget {
  std::string address;
  std::string net_namespace;
};

/// Success or why not, in the kubelet's words (`HTTP probe failed with statuscode: 500`).
Result<void> check_http(const runtime::HttpGetAction& action, const HealthTarget& target,
                        Duration timeout);
Result<void> check_tcp(const runtime::TcpSocketAction& action, const HealthTarget& target,
                       Duration timeout);
/// Only from our own network.
Result<void> check_grpc(const runtime::GrpcAction& action, const HealthTarget& target,
                        Duration timeout);

}  // namespace gantry::containerd
