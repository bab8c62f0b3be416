#include "runtime/containerd/services.h"

#include <algorithm>
#include <thread>

#include "runtime/containerd/net_namespace.h"

namespace gantry::containerd {
namespace {

constexpr Duration kRetryPause{100};

int prepares_at_once(const Config& config) {
  if (config.max_concurrent_prepares > 0) return config.max_concurrent_prepares;
  // More only makes each one slower: creating containers is processor time.
  return 2 * std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

}  // namespace

Services::Services(Config settings, HostFacts host, CgroupLayout layout, Volumes places,
                   std::unique_ptr<PodNetwork> networks, Channel& connection, Images& store,
                   Executor& loop, runtime::Listener& events)
    : config(std::move(settings)),
      facts(std::make_shared<const HostFacts>(std::move(host))),
      cgroups(std::make_shared<const CgroupLayout>(std::move(layout))),
      volumes(std::make_shared<const Volumes>(std::move(places))),
      network(std::move(networks)),
      host_address(containerd::host_address()),
      channel(connection),
      images(store),
      executor(loop),
      listener(events),
      containers(connection.grpc()),
      snapshots(connection.grpc()),
      tasks(connection.grpc()),
      prepares(prepares_at_once(config)),
      removals(std::max(1, prepares_at_once(config) / 2)) {}

std::function<void()> Services::guard(std::function<void()> task) {
  return [alive = alive_, task = std::move(task)] {
    if (*alive) task();
  };
}

void Services::offload(std::function<void()> work, std::function<void()> done) {
  executor.offload(std::move(work), guard(std::move(done)));
}

void Services::post(std::function<void()> task) { executor.post(guard(std::move(task))); }

void Services::after(Duration delay, std::function<void()> task) {
  executor.after(delay, guard(std::move(task)));
}

void Services::retry(std::function<void()> task) {
  if (connected) {
    after(kRetryPause, std::move(task));
  } else {
    parked_.push_back(std::move(task));
  }
}

void Services::set_connected(bool now_connected) {
  connected = now_connected;
  if (!connected) return;
  auto parked = std::exchange(parked_, {});
  for (auto& task : parked) task();
}

void Services::refill_network() {
  if (refilling_ || !network->wants_refill()) return;
  refilling_ = true;
  // A failure is told to the pod that then makes its own; the next pod tries again.
  offload([network = network] { network->refill(); },
          [this] {
            refilling_ = false;
            refill_network();
          });
}

void Services::enter_cgroup(const std::string& path, std::function<void()> ready) {
  CgroupUse& use = cgroup_uses_[path];
  if (use.removing) {
    use.waiting.push_back(std::move(ready));
    return;
  }
  ++use.count;
  ready();
}

void Services::leave_cgroup(const std::string& path) {
  const auto found = cgroup_uses_.find(path);
  if (found == cgroup_uses_.end() || --found->second.count > 0) return;
  found->second.removing = true;
  offload([layout = cgroups, path] { layout->remove(path); },
          [this, path] {
            auto node = cgroup_uses_.extract(path);
            if (node.empty()) return;
            for (auto& waiting : node.mapped().waiting) enter_cgroup(path, std::move(waiting));
          });
}

}  // namespace gantry::containerd
