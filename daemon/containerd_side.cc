#include "daemon/containerd_side.h"

#include <unistd.h>

#include <cstdlib>
#include <utility>

#include "runtime/containerd/channel.h"
#include "runtime/containerd/containerd_runtime.h"
#include "runtime/containerd/images.h"
#include "runtime/containerd/supervisor.h"

namespace gantry {

struct ContainerdSide::Impl : std::enable_shared_from_this<Impl> {
  Impl(Executor& e, Settings s) : executor(e), settings(std::move(s)) {}

  Result<void> connect(const std::string& socket, runtime::Listener& listener);
  void find(std::function<void(std::vector<runtime::FoundPod>)> done);

  Executor& executor;
  Settings settings;
  std::string socket, version;
  std::unique_ptr<containerd::Supervisor> supervisor;  // only for a private containerd
  std::unique_ptr<containerd::Channel> channel;
  std::unique_ptr<containerd::Images> images;
  std::unique_ptr<containerd::ContainerdRuntime> runtime;
};

namespace {

bool is_in_path(const std::string& program) {
  const char* path = std::getenv("PATH");
  std::string directories = path == nullptr ? "/usr/sbin:/usr/bin:/sbin:/bin" : path;
  std::size_t start = 0;
  while (start <= directories.size()) {
    std::size_t end = std::min(directories.find(':', start), directories.size());
    if (::access((directories.substr(start, end - start) + "/" + program).c_str(), X_OK) == 0) {
      return true;
    }
    start = end + 1;
  }
  return false;
}

/// crun starts a container in a third of runc's time.
std::string choose_runtime(const std::string& setting) {
  if (setting != "auto") return setting;
  return is_in_path("crun") ? "crun" : "runc";
}

}  // namespace

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
    : impl_(std::make_shared<Impl>(executor, std::move(settings))) {
  impl_->settings.runtime = choose_runtime(impl_->settings.runtime);
}
ContainerdSide::~ContainerdSide() = default;

void ContainerdSide::start(runtime::Listener& listener, std::function<void(Result<void>)> done) {
  auto choice = containerd::resolve_containerd(impl_->settings.containerd);
  if (!choice) return done(fail(std::move(choice.error())));
  if (!choice->socket.empty()) {
    impl_->version = choice->version;
    return done(impl_->connect(choice->socket, listener));
  }
  containerd::Supervisor::Settings settings;
  settings.directory = impl_->settings.state_dir + "/containerd";
  settings.log = impl_->settings.log;
  impl_->supervisor =
      std::make_unique<containerd::Supervisor>(impl_->executor, std::move(settings));
  impl_->supervisor->start([impl = impl_.get(), &listener, done](Result<std::string> socket) {
    if (!socket) return done(fail(std::move(socket.error())));
    auto version = containerd::containerd_version(*socket, std::chrono::seconds(1));
    if (version) impl->version = std::move(*version);
    done(impl->connect(*socket, listener));
  });
}

void ContainerdSide::stop_containerd(std::function<void()> done) {
  if (!impl_->supervisor) return done();
  impl_->supervisor->stop(std::move(done));
}

runtime::Runtime& ContainerdSide::runtime() { return *impl_->runtime; }
containerd::Images& ContainerdSide::images() { return *impl_->images; }

void ContainerdSide::find(std::function<void(std::vector<runtime::FoundPod>)> done) {
  impl_->find(std::move(done));
}

api::Json ContainerdSide::description() const {
  return {{"version", impl_->version},
          {"address", impl_->socket},
          {"private", impl_->supervisor != nullptr}};
}

std::string ContainerdSide::runtime_name() const { return impl_->settings.runtime; }

}  // namespace gantry
