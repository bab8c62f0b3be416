#pragma once

// What the pods of one runtime share: the connection and its stubs, the images, the caches, and the
// queues that keep a burst of steps from fighting over the host. Loop thread only, unless said
// otherwise.

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/executor.h"
#include "github.com/containerd/containerd/api/services/containers/v1/containers.grpc.pb.h"
#include "github.com/containerd/containerd/api/services/snapshots/v1/snapshots.grpc.pb.h"
#include "github.com/containerd/containerd/api/services/tasks/v1/tasks.grpc.pb.h"
#include "runtime/containerd/call.h"
#include "runtime/containerd/cgroup.h"
#include "runtime/containerd/channel.h"
#include "runtime/containerd/config.h"
#include "runtime/containerd/gate.h"
#include "runtime/containerd/image_config.h"
#include "runtime/containerd/images.h"
#include "runtime/containerd/oci_spec.h"
#include "runtime/containerd/pod_network.h"
#include "runtime/containerd/volumes.h"
#include "runtime/runtime.h"

namespace gantry::containerd {

namespace api {
using namespace ::containerd::services::containers::v1;
using namespace ::containerd::services::snapshots::v1;
namespace tasks = ::containerd::services::tasks::v1;
}  // namespace api

/// /etc/passwd and /etc/group of an image.
struct Accounts {
  std::string passwd, group;
};

struct Services {
  Services(Config settings, HostFacts host, CgroupLayout layout, Volumes places,
           std::unique_ptr<PodNetwork> networks, Channel& connection, Images& store, Executor& loop,
           runtime::Listener& events);

  /// `work` on a worker, then `done` here, unless the runtime is gone by then. `work` must own what
  /// it touches.
  void offload(std::function<void()> work, std::function<void()> done);
  /// Here, later, unless the runtime is gone by then.
  void post(std::function<void()> task);
  void after(Duration delay, std::function<void()> task);
  /// Once containerd answers again; if it seems to answer, in a moment.
  void retry(std::function<void()> task);
  void set_connected(bool now_connected);
  /// False once the runtime is gone: for answers that come after it.
  [[nodiscard]] std::shared_ptr<const bool> alive() const { return alive_; }

  /// Has namespaces prepared for the pods to come, one after the other.
  void refill_network();

  /// Users of the cgroup at `path` (`/gantry/<run>`) are counted: it is removed when the last one
  /// leaves, and who comes while that happens waits, because the OCI runtime would make its cgroup
  /// in a directory that goes away.
  void enter_cgroup(const std::string& path, std::function<void()> ready);
  void leave_cgroup(const std::string& path);

  const Config config;
  const std::shared_ptr<const HostFacts> facts;
  const std::shared_ptr<const CgroupLayout> cgroups;
  const std::shared_ptr<const Volumes> volumes;
  const std::shared_ptr<PodNetwork> network;
  const std::string host_address;
  Channel& channel;
  Images& images;
  Executor& executor;
  runtime::Listener& listener;
  api::Containers::Stub containers;
  api::Snapshots::Stub snapshots;
  api::tasks::Tasks::Stub tasks;
  Gate prepares;
  Gate removals;
  bool connected = false;
  std::map<std::string, std::shared_ptr<const ImageConfig>> image_configs;  ///< by digest
  std::map<std::string, std::shared_ptr<const Accounts>> accounts;          ///< by chain id
  /// Takes a removed pod out of the runtime's map.
  std::function<void(const std::string&)> forget;

 private:
  struct CgroupUse {
    int count = 0;
    bool removing = false;
    std::vector<std::function<void()>> waiting;
  };
  std::function<void()> guard(std::function<void()> task);

  std::vector<std::function<void()>> parked_;
  bool refilling_ = false;
  std::map<std::string, CgroupUse> cgroup_uses_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);

 public:
  ~Services() { *alive_ = false; }
  Services(const Services&) = delete;
  Services& operator=(const Services&) = delete;
};

}  // namespace gantry::containerd
