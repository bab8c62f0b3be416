#include "runtime/containerd/containerd_runtime.h"

#include <filesystem>
#include <set>
#include <unordered_map>

#include "github.com/containerd/containerd/api/services/events/v1/events.grpc.pb.h"
#include "github.com/containerd/containerd/api/services/version/v1/version.grpc.pb.h"
#include "runtime/containerd/found_pods.h"
#include "runtime/containerd/host_facts.h"
#include "runtime/containerd/pod_life.h"
#include "runtime/containerd/stale_bundle.h"

namespace gantry::containerd {
namespace {

namespace events = ::containerd::services::events::v1;
namespace version = ::containerd::services::version::v1;
constexpr Duration kConnectDeadline = std::chrono::seconds(5);
constexpr Duration kReconnectPause{100};

}  // namespace

struct ContainerdRuntime::Impl {
  Impl(Config config, HostFacts facts, CgroupLayout cgroups, Volumes volumes,
       std::unique_ptr<PodNetwork> network, Channel& channel, Images& images, Executor& executor,
       runtime::Listener& listener)
      : services(std::move(config), std::move(facts), std::move(cgroups), std::move(volumes),
                 std::move(network), channel, images, executor, listener),
        event_stub(channel.grpc()),
        version_stub(channel.grpc()) {
    services.forget = [this](const std::string& id) { pods.erase(id); };
  }
  ~Impl() {
    if (stream) stream->cancel();
  }

  // A stream of events is how the end of a connection is noticed at once: exits come from
  // Tasks.Wait, which says the same as the event and survives being asked again. The answer to
  // Version comes first, because a stream says nothing when it is open. What waits for the
  // connection asks containerd by itself what has become of it.
  void connect() {
    call(
        services.channel, version_stub, &version::Version::Stub::PrepareAsyncVersion,
        google::protobuf::Empty(), kConnectDeadline,
        [this, here = std::weak_ptr(alive)](Result<version::VersionResponse> answer) {
          if (here.expired()) return;
          if (!answer) return services.after(kReconnectPause, [this] { connect(); });
          subscribe();
        },
        /*wait_for_ready=*/true);
  }

  void subscribe() {
    events::SubscribeRequest request;
    request.add_filters("namespace==" + services.config.name_space + ",topic~=\"^/images/\"");
    auto here = std::weak_ptr(alive);
    stream = containerd::stream(
        services.channel, event_stub, &events::Events::Stub::PrepareAsyncSubscribe, request,
        kNoDeadline, [](const events::Envelope&) {},
        [this, here](const Result<void>&) {
          if (here.expired()) return;
          services.set_connected(false);
          services.listener.on_connected(false);
          services.after(kReconnectPause, [this] { connect(); });
        });
    services.set_connected(true);
    services.listener.on_connected(true);
  }

  // What a daemon left that was killed before its pod came to a container. Who prepares such a pod
  // meanwhile waits.
  void sweep(const std::set<std::string>& known, std::function<void()> done) {
    auto left = std::make_shared<std::set<std::string>>();
    services.offload(
        [left, volumes = services.volumes, network = services.network] {
          for (const auto& id : volumes->pods()) left->insert(id);
          for (const auto& id : network->pods()) left->insert(id);
        },
        [this, left, known, done = std::move(done)]() mutable {
          std::erase_if(*left, [&](const std::string& id) { return known.contains(id) || pods.contains(id); });
          sweep_files(*left, std::move(done));
        });
  }

  void sweep_files(std::set<std::string> left, std::function<void()> done) {
    sweeping = left;
    services.offload(
        [volumes = services.volumes, network = services.network, left, socket = services.config.socket,
         name_space = services.config.name_space] {
          kill_stray_shims(socket, name_space);
          for (const std::string& id : left) {
            (void)volumes->remove(id);
            (void)network->detach(id);
          }
        },
        [this, done = std::move(done)] {
          sweeping.clear();
          for (const auto& task : std::exchange(after_sweep, {})) task();
          done();
        });
  }

  std::shared_ptr<PodLife> find(const std::string& id) {
    const auto found = pods.find(id);
    return found == pods.end() ? nullptr : found->second;
  }

  Services services;
  events::Events::Stub event_stub;
  version::Version::Stub version_stub;
  std::shared_ptr<ServerStream<events::Envelope>> stream;
  std::unordered_map<std::string, std::shared_ptr<PodLife>> pods;
  std::set<std::string> sweeping;  ///< pods whose files are being removed
  std::vector<std::function<void()>> after_sweep;
  /// Answers of containerd that come after us see that it is gone.
  std::shared_ptr<int> alive = std::make_shared<int>(0);
};

ContainerdRuntime::ContainerdRuntime(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ContainerdRuntime::~ContainerdRuntime() = default;

Result<std::unique_ptr<ContainerdRuntime>> ContainerdRuntime::open(Config config, Channel& channel,
                                                                   Images& images,
                                                                   Executor& executor,
                                                                   runtime::Listener& listener) {
  CgroupLayout cgroups = CgroupLayout::detect();
  auto facts = find_host_facts(config, cgroups);
  if (!facts) return fail(facts.error());
  auto volumes = Volumes::open(config.state_dir, config.hosts, config.resolv_conf);
  if (!volumes) return fail(volumes.error());
  auto network = PodNetwork::open(config.state_dir, config.bridge, config.log);
  auto impl = std::make_unique<Impl>(std::move(config), std::move(*facts), std::move(cgroups),
                                     std::move(*volumes), std::move(network), channel, images,
                                     executor, listener);
  impl->services.refill_network();
  impl->connect();
  return std::unique_ptr<ContainerdRuntime>(new ContainerdRuntime(std::move(impl)));
}

void ContainerdRuntime::prepare(runtime::PodSpec pod) {
  auto& slot = impl_->pods[pod.id];
  if (slot) return;  // it is being prepared, or more, already
  const bool waits = impl_->sweeping.contains(pod.id);
  slot = std::make_shared<PodLife>(impl_->services, std::move(pod));
  if (waits) {
    impl_->after_sweep.push_back([life = slot] { life->prepare(); });
  } else {
    slot->prepare();
  }
}

void ContainerdRuntime::start(const std::string& pod) {
  if (auto life = impl_->find(pod)) life->start();
}

void ContainerdRuntime::signal(const std::string& pod, int signal, bool everything) {
  if (auto life = impl_->find(pod)) life->signal(signal, everything);
}

void ContainerdRuntime::signal_container(const std::string& pod, const std::string& container,
                                         int signal) {
  if (auto life = impl_->find(pod)) life->signal_container(container, signal);
}

void ContainerdRuntime::exec(const std::string& pod, runtime::ExecSpec spec,
                             std::function<void(Result<runtime::ExecResult>)> done) {
  if (auto life = impl_->find(pod)) return life->exec(std::move(spec), std::move(done));
  impl_->services.post([pod, done] { done(fail(Code::NotFound, "no pod " + pod)); });
}

void ContainerdRuntime::adopt(runtime::PodSpec pod) {
  auto& slot = impl_->pods[pod.id];
  if (slot) return;
  const bool waits = impl_->sweeping.contains(pod.id);
  slot = std::make_shared<PodLife>(impl_->services, std::move(pod));
  if (waits) {
    impl_->after_sweep.push_back([life = slot] { life->adopt(); });
  } else {
    slot->adopt();
  }
}

void ContainerdRuntime::remove(const std::string& pod) {
  auto life = impl_->find(pod);
  if (!life) {
    runtime::PodSpec unknown;
    unknown.id = pod;
    life = std::make_shared<PodLife>(impl_->services, std::move(unknown));
    impl_->pods[pod] = life;
  }
  life->remove();
}

void ContainerdRuntime::remove_claims(const std::string& owner) {
  auto result = std::make_shared<Result<void>>();
  Services& services = impl_->services;
  services.offload(
      [volumes = services.volumes, owner, result] { *result = volumes->remove_claims(owner); },
      [&services, owner, result] {
        if (!*result) services.config.log(result->error().wrap("claims of " + owner).message);
      });
}

void ContainerdRuntime::find(std::function<void(Result<std::vector<runtime::FoundPod>>)> done) {
  auto here = std::weak_ptr(impl_->alive);
  find_pods(impl_->services, [impl = impl_.get(), here, done](Result<std::vector<runtime::FoundPod>> pods) {
    if (here.expired()) return;
    if (!pods) return done(std::move(pods));
    std::set<std::string> known;
    for (const auto& pod : *pods) known.insert(pod.id);
    impl->sweep(known, [done, pods = std::move(*pods)] { done(pods); });
  });
}

void ContainerdRuntime::owners(std::function<void(std::vector<std::string>)> done) {
  Services& services = impl_->services;
  auto names = std::make_shared<std::set<std::string>>();
  services.offload(
      [names, volumes = services.volumes, cgroups = services.cgroups, root = services.config.cgroup_root,
       logs = services.config.log_root] {
        for (auto& owner : volumes->claim_owners()) names->insert(std::move(owner));
        // Other daemons of the host have their cgroups there too, but no logs here.
        for (auto& owner : cgroups->children(root)) {
          std::error_code error;
          if (std::filesystem::exists(logs + "/" + owner, error)) names->insert(std::move(owner));
        }
      },
      [names, done] { done({names->begin(), names->end()}); });
}

void ContainerdRuntime::remove_idle_cgroup(const std::string& owner) {
  Services& services = impl_->services;
  const std::string path = services.config.cgroup_root + "/" + owner;
  services.enter_cgroup(path, [&services, path] { services.leave_cgroup(path); });
}

}  // namespace gantry::containerd
