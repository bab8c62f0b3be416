#include "daemon/containerd_side.h"

#include <utility>

#include "runtime/containerd/channel.h"
#include "runtime/containerd/containerd_runtime.h"
#include "runtime/containerd/images.h"
#include "runtime/containerd/probe.h"
#include "runtime/containerd/shim_choice.h"
#include "runtime/containerd/stale_bundle.h"
#include "runtime/containerd/supervisor.h"

namespace gantry {

struct ContainerdSide::Impl : std::enable_shared_from_this<Impl> {
  Impl(Executor& e, Settings s) : executor(e), settings(std::move(s)) {}

  void use(const containerd::ContainerdChoice& choice, runtime::Listener& listener,
           std::function<void(Result<void>)> done);
  Result<void> connect(const std::string& socket, runtime::Listener& listener);
  void find(std::function<void(std::vector<runtime::FoundPod>)> done);

  Executor& executor;
  Settings settings;
  std::string socket, version, runtime_version, shim_version;
  std::unique_ptr<containerd::Supervisor> supervisor;  // only for a private containerd
  std::unique_ptr<containerd::Channel> channel;
  std::unique_ptr<containerd::Images> images;
  std::unique_ptr<containerd::ContainerdRuntime> runtime;
};

Result<void> ContainerdSide::Impl::connect(const std::string& address,
                                           runtime::Listener& listener) {
  socket = address;
  channel = std::make_unique<containerd::Channel>(socket, executor);
  containerd::Images::Settings image_settings;
  image_settings.socket = socket;
  image_settings.user = settings.registry_user;
  image_settings.parallel = settings.parallel_pulls;
  images = std::make_unique<containerd::Images>(*channel, executor, std::move(image_settings));
  containerd::Config config;
  config.socket = socket;
  config.state_dir = settings.state_dir + "/volumes";
  config.log_root = settings.log_root;
  config.runtime_binary = settings.runtime;
  config.shim = settings.shim;
  config.bridge = settings.bridge;
  config.seccomp_dir = settings.seccomp_profiles;
  config.log = settings.log;
  if (supervisor) config.containerd_state = settings.state_dir + "/containerd/state";
  auto opened =
      containerd::ContainerdRuntime::open(std::move(config), *channel, *images, executor, listener);
  if (!opened) return fail(std::move(opened.error()));
  runtime = std::move(*opened);
  return {};
}

void ContainerdSide::Impl::find(std::function<void(std::vector<runtime::FoundPod>)> done) {
  runtime->find([weak = weak_from_this(), done](Result<std::vector<runtime::FoundPod>> pods) {
    auto self = weak.lock();
    if (!self) return;
    if (pods) return done(std::move(*pods));
    self->executor.after(std::chrono::seconds(1), [weak, done] {
      if (auto again = weak.lock()) again->find(done);
    });
  });
}

ContainerdSide::ContainerdSide(Executor& executor, Settings settings)
    : impl_(std::make_shared<Impl>(executor, std::move(settings))) {}
ContainerdSide::~ContainerdSide() = default;

void ContainerdSide::start(runtime::Listener& listener, std::function<void(Result<void>)> done) {
  // Which containerd, and which shim and runtime below it: all block, so they are asked at the same time.
  struct Questions {
    Result<containerd::ContainerdChoice> choice;
    Result<containerd::OciRuntime> runtime;
    Result<containerd::ShimChoice> shim;
    int open = 3;
  };
  auto questions = std::make_shared<Questions>();
  auto answered = [impl = impl_, questions, &listener, done = std::move(done)] {
    if (--questions->open > 0) return;
    if (!questions->choice) return done(fail(std::move(questions->choice.error())));
    if (!questions->runtime) return done(fail(std::move(questions->runtime.error())));
    if (!questions->shim) return done(fail(std::move(questions->shim.error())));
    const containerd::OciRuntime& runtime = *questions->runtime;
    const containerd::ShimChoice& shim = *questions->shim;
    if (!runtime.why_not_crun.empty()) {
      impl->settings.log("runc starts the containers; crun does not work here: " +
                         runtime.why_not_crun);
    }
    if (!shim.why_not_gantry.empty()) {
      impl->settings.log("containerd's own shim is used, which costs more a pod: " + shim.why_not_gantry);
    }
    impl->settings.runtime = runtime.binary;
    impl->runtime_version = runtime.version;
    impl->settings.shim = shim.path;
    impl->shim_version = shim.version;
    impl->use(*questions->choice, listener, done);
  };
  impl_->executor.offload(
      [questions, setting = impl_->settings.containerd] {
        questions->choice = containerd::resolve_containerd(setting);
      },
      answered);
  containerd::probe_oci_runtime(impl_->executor, impl_->settings.runtime,
                                [questions, answered](Result<containerd::OciRuntime> runtime) {
                                  questions->runtime = std::move(runtime);
                                  answered();
                                });
  containerd::choose_shim(impl_->executor, impl_->settings.shim, [questions, answered](Result<containerd::ShimChoice> shim) {
    questions->shim = std::move(shim);
    answered();
  });
}

void ContainerdSide::Impl::use(const containerd::ContainerdChoice& choice,
                               runtime::Listener& listener,
                               std::function<void(Result<void>)> done) {
  if (!choice.socket.empty()) {
    version = choice.version;
    return done(connect(choice.socket, listener));
  }
  containerd::Supervisor::Settings supervision;
  supervision.directory = settings.state_dir + "/containerd";
  supervision.log = settings.log;
  supervisor = std::make_unique<containerd::Supervisor>(executor, std::move(supervision));
  supervisor->start([this, &listener, done = std::move(done)](Result<std::string> address) {
    if (!address) return done(fail(std::move(address.error())));
    auto found = containerd::containerd_version(*address, std::chrono::seconds(1));
    if (found) version = std::move(*found);
    done(connect(*address, listener));
  });
}

void ContainerdSide::stop_containerd(std::function<void()> done) {
  if (!impl_->supervisor) return done();
  impl_->supervisor->stop([socket = impl_->socket, done = std::move(done)] {
    containerd::kill_stray_shims(socket, containerd::Config().name_space);
    done();
  });
}

runtime::Runtime& ContainerdSide::runtime() { return *impl_->runtime; }
containerd::Images& ContainerdSide::images() { return *impl_->images; }

void ContainerdSide::find(std::function<void(std::vector<runtime::FoundPod>)> done) {
  impl_->find(std::move(done));
}

void ContainerdSide::owners(std::function<void(std::vector<std::string>)> done) {
  impl_->runtime->owners(std::move(done));
}

void ContainerdSide::remove_idle_cgroup(const std::string& owner) {
  impl_->runtime->remove_idle_cgroup(owner);
}

api::Json ContainerdSide::description() const {
  return {{"version", impl_->version},
          {"address", impl_->socket},
          {"private", impl_->supervisor != nullptr}};
}

std::string ContainerdSide::runtime_name() const { return impl_->runtime_version; }

std::string ContainerdSide::shim_name() const { return impl_->shim_version; }

}  // namespace gantry
