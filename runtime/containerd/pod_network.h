#pragma once

// The network namespaces of pods and how they are joined to the host's.
//
//   network/subnet                  the subnet that the addresses are from
//   network/leases/                 host-local's
//   network/pool/<id>/{ns,result}   a namespace that is ready for a pod to come
//   network/pods/<pod>/{ns,result}  a pod's; `cni` holds its CNI_CONTAINERID
//
// A pod gets a prepared namespace by one rename(2), so that a crash leaves it either in the pool or
// with the pod. Any thread; all functions block, so a worker should call.

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/error.h"
#include "runtime/containerd/config.h"
#include "runtime/containerd/subnet.h"
#include "runtime/pod.h"

namespace gantry::containerd {

struct PodAttachment {
  std::string net_namespace;  ///< path of the bind mount
  std::string address;        ///< empty for Network::None
};

class PodNetwork {
 public:
  /// Makes the directories and, when the bridge is enabled, tries it. When it does not work here
  /// `log` gets one line and attach() says the same; what needs no bridge still works.
  static std::unique_ptr<PodNetwork> open(const std::string& state_dir, BridgeConfig config,
                                          const std::function<void(const std::string&)>& log);

  /// A namespace for the pod; the one that it has already, if so. Not for Network::Host.
  Result<PodAttachment> attach(const std::string& pod, runtime::Network network);
  /// That of a pod of an earlier life. NotFound.
  [[nodiscard]] Result<PodAttachment> find(const std::string& pod) const;
  /// Gives the address back and removes the namespace. What is not there is no error.
  Result<void> detach(const std::string& pod);
  /// The pods that have a namespace.
  [[nodiscard]] std::vector<std::string> pods() const;

  /// Whether fewer namespaces are prepared than should be.
  [[nodiscard]] bool wants_refill() const;
  void refill();
  /// Removes what is prepared.
  void drain();

 private:
  PodNetwork(std::string directory, BridgeConfig config);
  Result<void> set_up_bridge();
  Result<void> find_plugins();
  Result<void> find_subnet();
  Result<void> admit_traffic() const;
  void take_over_pool();
  Result<std::string> prepare_one();
  Result<void> remove_directory(const std::string& directory) const;
  [[nodiscard]] std::string configuration() const;

  const std::string directory_;
  BridgeConfig config_;
  Subnet subnet_;
  int mtu_ = 0;
  Error unusable_{Code::FailedPrecondition,
                  "network: bridge is not set in gantryd's configuration"};
  bool usable_ = false;

  mutable std::mutex mutex_;       // guards ready_ and being_made_; held for a few instructions
  std::deque<std::string> ready_;  ///< directories in the pool
  int being_made_ = 0;
};

}  // namespace gantry::containerd
