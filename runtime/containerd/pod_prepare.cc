#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "base/unique_fd.h"
#include "github.com/containerd/containerd/runtime/v2/runc/options/oci.pb.h"
#include "runtime/containerd/layers.h"
#include "runtime/containerd/pod_life.h"
#include "runtime/containerd/process.h"

namespace gantry::containerd {
namespace {

namespace fs = std::filesystem;
namespace tasks = api::tasks;

constexpr Duration kTaskDeadline = std::chrono::seconds(120);
constexpr std::size_t kMaxIdLength = 76;
constexpr std::size_t kCacheEntries = 256;
constexpr int kSnapshotAttempts = 5;
/// What an earlier life left is cleared away this often, with pauses that double from the first
/// one: 6.3 seconds in all.
constexpr int kMostCleanings = 7;
constexpr Duration kCleaningPause{100};

// containerd/identifiers: ^[A-Za-z0-9]+(?:[._-][A-Za-z0-9]+)*$, but Gantry's ids may not be as
// strict inside; what containerd refuses it tells itself.
bool is_container_id(const std::string& id) {
  return is_safe_name(id) && id.size() <= kMaxIdLength;
}

bool is_safe_path(const std::string& path) {
  if (path.empty() || path.starts_with('/')) return false;
  for (const auto& part : fs::path(path)) {
    if (!is_safe_name(part.string())) return false;
  }
  return true;
}

Result<void> make_log(const std::string& path) {
  // The shim opens what is there already, to append.
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640));
  if (!fd.valid()) return fail(errno_error("create " + path, errno));
  return {};
}

Result<void> make_logs(const std::string& directory, const runtime::PodSpec& pod) {
  std::error_code error;
  fs::create_directories(directory, error);
  if (error) return fail(errno_error("mkdir " + directory, error.value()));
  for (const auto& container : pod.containers) {
    for (const char* stream : {".stdout", ".stderr"}) {
      if (auto made = make_log(directory + "/" + container.name + stream); !made) return made;
    }
  }
  return {};
}

std::shared_ptr<const Accounts> read_accounts(
    const std::vector<::containerd::types::Mount>& mounts) {
  auto accounts = std::make_shared<Accounts>();
  if (mounts.empty()) return accounts;
  const auto& mount = mounts.front();
  const auto directories = layer_directories(mount.type(), mount.source(),
                                             {mount.options().begin(), mount.options().end()});
  accounts->passwd = read_in_layers(directories, "etc/passwd").value_or("");
  accounts->group = read_in_layers(directories, "etc/group").value_or("");
  return accounts;
}

std::string now_label() { return rfc3339(now()); }

}  // namespace

// What a worker makes of one container. Owned by the worker while it works, by the loop afterwards.
struct PodLife::Prepared {
  Result<void> done{};
  PodFiles files;
  std::shared_ptr<const Accounts> accounts;
  std::vector<std::string> environment;
  std::string spec;
};

PodLife::PodLife(Services& services, runtime::PodSpec pod)
    : services_(services), pod_(std::move(pod)) {
  for (std::size_t i = 0; i < pod_.containers.size(); ++i) {
    Container container;
    container.name = pod_.containers[i].name;
    container.id = pod_.id;
    if (i > 0) {
      const std::string number = "." + std::to_string(i);
      container.id = pod_.id.substr(0, kMaxIdLength - number.size()) + number;
    }
    container.cgroups_path = services_.config.cgroup_root + "/" + pod_.cgroup;
    // With one container its cgroup is the pod's: one level less to make and remove.
    if (pod_.containers.size() > 1) container.cgroups_path += "/" + container.name;
    containers_.push_back(std::move(container));
  }
}

Result<void> PodLife::check() const {
  const auto bad = [](const std::string& what) { return fail(Code::InvalidArgument, what); };
  if (!is_container_id(pod_.id)) return bad("bad pod id \"" + pod_.id + "\"");
  if (!is_safe_path(pod_.cgroup)) return bad("bad cgroup path \"" + pod_.cgroup + "\"");
  if (!is_safe_path(pod_.log_directory)) {
    return bad("bad log directory \"" + pod_.log_directory + "\"");
  }
  if (pod_.containers.empty()) return bad("the pod has no container");
  for (const auto& container : pod_.containers) {
    if (!is_safe_name(container.name)) {
      return bad("bad container name \"" + container.name + "\"");
    }
  }
  return {};
}

void PodLife::prepare() {
  state_ = State::Preparing;
  services_.post([self = shared_from_this()] {
    if (self->settle()) return;
    if (auto checked = self->check(); !checked) return self->prepare_failed(checked.error());
    self->ensure_image(0);
  });
}

// Nothing of the pod exists while its images come in, so remove() does not wait for them: what
// arrives later finds the pod removed.
void PodLife::ensure_image(std::size_t index) {
  if (state_ != State::Preparing) return;
  auto self = shared_from_this();
  if (!services_.connected) {
    return services_.retry([self, index] { self->ensure_image(index); });
  }
  if (index == containers_.size()) {
    return services_.prepares.enter([self] {
      self->in_prepares_ = true;
      if (self->state_ != State::Preparing) return self->leave_prepares();
      self->create_all();
    });
  }
  const runtime::ContainerSpec& spec = pod_.containers[index];
  services_.images.ensure(
      spec.image, spec.pull_policy,
      [self](const std::string& what) {
        if (self->state_ != State::Preparing) return;
        self->services_.listener.on_progress(self->pod_.id, what);
      },
      [self, index](Result<ImageRef> image) { self->have_image(index, std::move(image)); });
}

void PodLife::have_image(std::size_t index, Result<ImageRef> image) {
  if (state_ != State::Preparing) return;
  auto self = shared_from_this();
  if (!image && image.error().code == Code::Unavailable && !services_.connected) {
    return services_.retry([self, index] { self->ensure_image(index); });
  }
  if (!image) return prepare_failed(image.error());
  Container& container = containers_[index];
  container.image = std::move(*image);
  auto& configs = services_.image_configs;
  if (configs.size() > kCacheEntries) configs.clear();
  auto& config = configs[container.image.digest];
  if (!config) {
    auto parsed = parse_image_config(container.image.config);
    if (!parsed) return prepare_failed(parsed.error().wrap(container.image.name));
    config = std::make_shared<const ImageConfig>(std::move(*parsed));
  }
  container.config = config;
  auto arguments = arguments_of(pod_.containers[index], *config);
  if (!arguments) return prepare_failed(arguments.error());
  container.arguments = std::move(*arguments);
  container.working_dir = pod_.containers[index].working_dir;
  if (container.working_dir.empty()) container.working_dir = config->working_dir;
  ensure_image(index + 1);
}

void PodLife::create_all() {
  busy_ = true;
  touched_ = true;
  auto self = shared_from_this();
  if (!cgroup_parent_.empty()) return make_snapshot(0);  // a second try
  const std::string parent =
      services_.config.cgroup_root + "/" + pod_.cgroup.substr(0, pod_.cgroup.find('/'));
  services_.enter_cgroup(parent, [self, parent] {
    self->cgroup_parent_ = parent;
    self->make_snapshot(0);
  });
}

void PodLife::make_snapshot(std::size_t index) {
  if (settle()) return;
  if (index == containers_.size()) return make_files(0);
  const Container& container = containers_[index];
  api::PrepareSnapshotRequest request;
  request.set_snapshotter(services_.config.snapshotter);
  request.set_key(container.id);
  request.set_parent(container.image.chain_id);
  // Without it containerd's garbage collection takes the snapshot before the container that names
  // it exists.
  (*request.mutable_labels())["containerd.io/gc.root"] = now_label();
  (*request.mutable_labels())[kPodLabel] = pod_.id;
  call(services_.channel, services_.snapshots, &api::Snapshots::Stub::PrepareAsyncPrepare, request,
       kMetadataDeadline,
       [self = shared_from_this(), index](Result<api::PrepareSnapshotResponse> answer) {
         if (!answer && answer.error().code == Code::AlreadyExists) return self->exists_already();
         // A containerd that was killed left the directory of a snapshot that it had not written
         // down. The failed call has removed it.
         if (!answer && ++self->snapshot_attempts_ < kSnapshotAttempts &&
             answer.error().message.find("file exists") != std::string::npos) {
           return self->make_snapshot(index);
         }
         if (!answer) return self->prepare_failed(answer.error().wrap("prepare snapshot"));
         self->containers_[index].rootfs.assign(answer->mounts().begin(), answer->mounts().end());
         self->make_snapshot(index + 1);
       });
}

void PodLife::make_files(std::size_t index) {
  if (settle()) return;
  if (index == containers_.size()) return prepared();
  auto self = shared_from_this();
  Container& container = containers_[index];
  auto result = std::make_shared<Prepared>();
  result->files = files_;
  if (const auto known = services_.accounts.find(container.image.chain_id);
      known != services_.accounts.end()) {
    result->accounts = known->second;
  }
  std::string network;
  if (index > 0) network = "/proc/" + std::to_string(containers_.front().pid) + "/ns/net";
  const std::string logs = services_.config.log_root + "/" + pod_.log_directory;
  // `self` keeps the pod and the container alive; the loop does not write to them before the worker
  // is done.
  auto work = [self, &container, index, network, logs, result, volumes = services_.volumes,
               facts = services_.facts] {
    const runtime::PodSpec& pod = self->pod_;
    const runtime::ContainerSpec& spec = pod.containers[index];
    if (index == 0) {
      if (auto made = make_logs(logs, pod); !made) {
        result->done = made;
        return;
      }
      auto files = volumes->create(pod);
      if (!files) {
        result->done = fail(files.error());
        return;
      }
      result->files = std::move(*files);
    }
    if (!result->accounts) result->accounts = read_accounts(container.rootfs);
    auto identity =
        resolve_identity(spec.security, container.config->user, result->accounts->passwd,
                         result->accounts->group, pod.id, spec.name);
    if (!identity) {
      result->done = fail(identity.error());
      return;
    }
    result->environment = environment_of(spec, *container.config, pod.hostname, identity->home);
    SpecInput input{.pod = pod,
                    .container = spec,
                    .arguments = container.arguments,
                    .environment = result->environment,
                    .working_dir = container.working_dir,
                    .identity = std::move(*identity),
                    .mounts = result->files.mounts[spec.name],
                    .hosts_file = result->files.hosts,
                    .cgroups_path = container.cgroups_path,
                    .network_namespace = network,
                    .annotations = {}};
    auto built = build_spec(input, *facts);
    if (built) {
      result->spec = std::move(*built);
    } else {
      result->done = fail(built.error());
    }
  };
  services_.offload(std::move(work), [self, &container, index, result] {
    if (!result->done) return self->prepare_failed(result->done.error());
    self->files_ = std::move(result->files);
    container.environment = std::move(result->environment);
    auto& accounts = self->services_.accounts;
    if (accounts.size() > kCacheEntries) accounts.clear();
    accounts[container.image.chain_id] = result->accounts;
    self->make_container(index, std::move(result->spec));
  });
}

void PodLife::make_container(std::size_t index, std::string spec) {
  if (settle()) return;
  const Container& container = containers_[index];
  api::CreateContainerRequest request;
  auto& wanted = *request.mutable_container();
  wanted.set_id(container.id);
  for (const auto& [key, value] : pod_.labels) (*wanted.mutable_labels())[key] = value;
  (*wanted.mutable_labels())[kPodLabel] = pod_.id;
  wanted.set_image(container.image.name);
  wanted.set_snapshotter(services_.config.snapshotter);
  wanted.set_snapshot_key(container.id);
  // containerd 1.6 takes type URLs only without the prefix that Any::PackFrom writes.
  wanted.mutable_spec()->set_type_url("types.containerd.io/opencontainers/runtime-spec/1/Spec");
  wanted.mutable_spec()->set_value(std::move(spec));
  wanted.mutable_runtime()->set_name("io.containerd.runc.v2");
  ::containerd::runc::v1::Options options;
  options.set_binary_name(services_.config.runtime_binary);
  auto& any = *wanted.mutable_runtime()->mutable_options();
  any.set_type_url("containerd.runc.v1.Options");
  any.set_value(options.SerializeAsString());
  call(services_.channel, services_.containers, &api::Containers::Stub::PrepareAsyncCreate, request,
       kMetadataDeadline,
       [self = shared_from_this(), index](Result<api::CreateContainerResponse> answer) {
         if (!answer && answer.error().code == Code::AlreadyExists) return self->exists_already();
         if (!answer) return self->prepare_failed(answer.error().wrap("create container"));
         self->make_task(index);
       });
}

void PodLife::make_task(std::size_t index) {
  if (settle()) return;
  const Container& container = containers_[index];
  tasks::CreateTaskRequest request;
  request.set_container_id(container.id);
  for (const auto& mount : container.rootfs) {
    auto& added = *request.add_rootfs();
    added = mount;
    // The upper directory is thrown away: nothing of it needs to reach the disk when it is
    // unmounted. (containerd has its own setting for it from 1.6.24 on.)
    if (mount.type() == "overlay" && std::find(mount.options().begin(), mount.options().end(),
                                               "volatile") == mount.options().end()) {
      added.add_options("volatile");
    }
  }
  const std::string logs =
      services_.config.log_root + "/" + pod_.log_directory + "/" + container.name;
  request.set_stdout(logs + ".stdout");
  request.set_stderr(logs + ".stderr");
  call(services_.channel, services_.tasks, &tasks::Tasks::Stub::PrepareAsyncCreate, request,
       kTaskDeadline, [self = shared_from_this(), index](Result<tasks::CreateTaskResponse> answer) {
         if (!answer && answer.error().code == Code::AlreadyExists) return self->exists_already();
         if (!answer && self->is_of_an_earlier_life(answer.error())) return self->exists_already();
         if (!answer) return self->prepare_failed(answer.error().wrap("create task"));
         self->containers_[index].pid = answer->pid();
         self->make_files(index + 1);
       });
}

// ---- what an earlier life left ----

// A daemon that was killed in the middle of a create leaves containerd at undoing it for a while:
// the bundle of a task that it has forgotten (stale_bundle.h) is in the way of ours, or its undoing
// takes ours away under the shim that starts there, or under runc. So whatever fails once something
// of an earlier life was seen is tried again; and so is a shim that did not start, at any time.
bool PodLife::is_of_an_earlier_life(const Error& error) const {
  if (error.code == Code::Unavailable || cleanings_ == kMostCleanings) return false;
  const auto says = [&](const char* words) {
    return error.message.find(words) != std::string::npos;
  };
  return cleanings_ > 0 || says("file exists") || says("failed to start shim");
}

void PodLife::exists_already() {
  if (settle()) return;
  if (cleanings_ == kMostCleanings) {
    return prepare_failed({Code::AlreadyExists, "pod " + pod_.id + " exists and does not go away"});
  }
  if (cleanings_ == 0) return take_over(0, {});
  services_.after(kCleaningPause * (1 << (cleanings_ - 1)), [self = shared_from_this()] {
    if (!self->settle()) self->take_over(0, {});
  });
}

// Asks for the tasks one by one. All there: the pod is taken over as it is. Main there, started: it
// runs already. Otherwise nothing of the user's has run: clear all away and begin again.
void PodLife::take_over(std::size_t index, std::vector<std::optional<int>> statuses) {
  auto self = shared_from_this();
  if (index < containers_.size()) {
    tasks::GetRequest request;
    request.set_container_id(containers_[index].id);
    return call(services_.channel, services_.tasks, &tasks::Tasks::Stub::PrepareAsyncGet, request,
                kMetadataDeadline,
                [self, index, statuses](Result<tasks::GetResponse> answer) mutable {
                  if (!answer && answer.error().code != Code::NotFound) {
                    return self->prepare_failed(answer.error().wrap("look for task"));
                  }
                  statuses.push_back(answer ? std::optional<int>(answer->process().status())
                                            : std::nullopt);
                  if (answer) self->containers_[index].pid = answer->process().pid();
                  self->take_over(index + 1, std::move(statuses));
                });
  }
  const auto is_new = [](const std::optional<int>& status) {
    return status == ::containerd::v1::types::CREATED;
  };
  const auto stopped = ::containerd::v1::types::STOPPED;
  runs_already_ = statuses.front() && !is_new(statuses.front()) && statuses.front() != stopped;
  if (runs_already_ || std::all_of(statuses.begin(), statuses.end(), is_new)) {
    files_ = services_.volumes->find(pod_);
    for (std::size_t i = 0; i < containers_.size(); ++i) {
      if (!statuses[i]) containers_[i].gone = true;
      containers_[i].environment =
          environment_of(pod_.containers[i], *containers_[i].config, pod_.hostname, "/");
    }
    return prepared();
  }
  ++cleanings_;
  auto left = std::make_shared<std::size_t>(containers_.size());
  auto problem = std::make_shared<Result<void>>();
  for (const Container& container : containers_) {
    clear(container.id, false, [self, left, problem](Result<void> cleared) {
      if (!cleared) *problem = cleared;
      if (--*left > 0) return;
      if (!*problem) return self->prepare_failed(problem->error().wrap("clear away"));
      self->make_snapshot(0);
    });
  }
}

// ---- the end of preparing ----

void PodLife::leave_prepares() {
  if (!std::exchange(in_prepares_, false)) return;
  services_.prepares.leave();
}

void PodLife::prepared() {
  busy_ = false;
  leave_prepares();
  state_ = State::Prepared;
  if (settle()) return;
  services_.listener.on_prepared(pod_.id);
  // The listener may have asked for its removal or its start.
  if (state_ == State::Prepared && start_requested_) begin();
}

void PodLife::prepare_failed(Error error) {
  auto self = shared_from_this();
  busy_ = false;
  if (error.code == Code::Unavailable && touched_ && !removal_requested_) {
    // containerd went away in the middle. What it has done by then is found as existing.
    cleanings_ = 0;
    return services_.retry([self] {
      if (self->state_ == State::Preparing) self->create_all();
    });
  }
  leave_prepares();
  state_ = State::Ended;
  if (settle()) return;
  services_.listener.on_failed(pod_.id, error);
}

bool PodLife::settle() {
  if (!removal_requested_ || state_ == State::Removing || state_ == State::Removed) return false;
  busy_ = false;
  leave_prepares();
  begin_removal();
  return true;
}

}  // namespace gantry::containerd
