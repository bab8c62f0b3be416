#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "base/unique_fd.h"
#include "github.com/containerd/containerd/runtime/v2/runc/options/oci.pb.h"
#include "runtime/containerd/devices.h"
#include "runtime/containerd/layers.h"
#include "runtime/containerd/pod_life.h"
#include "runtime/containerd/process.h"

namespace gantry::containerd {
namespace {

namespace fs = std::filesystem;
namespace tasks = api::tasks;

constexpr std::size_t kCacheEntries = 256;
constexpr int kSnapshotAttempts = 5;

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

void PodLife::create_all() {
  touched_ = true;
  auto self = shared_from_this();
  if (!cgroup_parent_.empty()) return attach_network();  // a second try
  const std::string parent =
      services_.config.cgroup_root + "/" + pod_.cgroup.substr(0, pod_.cgroup.find('/'));
  services_.enter_cgroup(parent, [self, parent] {
    self->cgroup_parent_ = parent;
    self->attach_network();
  });
}

// A pod of one container without a network gets its namespace from the OCI runtime.
void PodLife::attach_network() {
  if (settle()) return;
  const bool own = pod_.network == runtime::Network::Bridge ||
                   (pod_.network == runtime::Network::None && several());
  if (!own && !several()) return create_next();
  struct Found {
    Result<PodAttachment> network{PodAttachment{}};
    std::map<std::string, StartMark> marks;
    PodFiles files;
  };
  auto found = std::make_shared<Found>();
  auto self = shared_from_this();
  services_.offload(
      [self, found, own, network = services_.network, volumes = services_.volumes] {
        const runtime::PodSpec& pod = self->pod_;
        if (own) found->network = network->attach(pod.id, pod.network);
        found->marks = read_start_marks(volumes->pod_directory(pod.id));
        if (!found->marks.empty()) found->files = volumes->find(pod);
      },
      [self, found] {
        self->services_.refill_network();
        if (self->settle()) return;
        if (!found->network) return self->prepare_failed(found->network.error());
        self->network_ = std::move(*found->network);
        if (found->marks.empty()) return self->create_next();
        // An earlier life has started it.
        self->marks_ = std::move(found->marks);
        self->files_ = std::move(found->files);
        self->runs_already_ = true;
        self->prepared();
      });
}

/// Creates what is not there yet of the stage, one after the other.
void PodLife::create_next() {
  if (settle()) return;
  for (const std::size_t index : stage_members()) {
    if (containers_[index].phase != Phase::Absent) continue;
    return containers_[index].config ? make_snapshot(index) : find_image(index);
  }
  if (state_ == State::Preparing) return prepared();
  --busy_;
  start_stage();
}

void PodLife::make_snapshot(std::size_t index) {
  if (settle()) return;
  const Container& container = containers_[index];
  api::PrepareSnapshotRequest request;
  request.set_snapshotter(services_.config.snapshotter);
  request.set_key(container.id);
  request.set_parent(container.image.chain_id);
  // Without it containerd's garbage collection takes the snapshot before the container that names
  // it exists.
  (*request.mutable_labels())["containerd.io/gc.root"] = now_label();
  // So that it is known whose it was when its container is gone.
  for (const auto& [key, value] : pod_.labels) (*request.mutable_labels())[key] = value;
  (*request.mutable_labels())[kPodLabel] = pod_.id;
  call(services_.channel, services_.snapshots, &api::Snapshots::Stub::PrepareAsyncPrepare, request,
       kMetadataDeadline,
       [self = shared_from_this(), index](Result<api::PrepareSnapshotResponse> answer) {
         if (!answer && answer.error().code == Code::AlreadyExists)
           return self->exists_already(index);
         // A containerd that was killed left the directory of a snapshot that it had not written
         // down. The failed call has removed it.
         if (!answer && ++self->snapshot_attempts_ < kSnapshotAttempts &&
             answer.error().message.find("file exists") != std::string::npos) {
           return self->make_snapshot(index);
         }
         if (!answer) return self->prepare_failed(answer.error().wrap("prepare snapshot"));
         self->containers_[index].rootfs.assign(answer->mounts().begin(), answer->mounts().end());
         self->make_files(index);
       });
}

void PodLife::make_files(std::size_t index) {
  if (settle()) return;
  auto self = shared_from_this();
  Container& container = containers_[index];
  auto result = std::make_shared<Prepared>();
  result->files = files_;
  if (const auto known = services_.accounts.find(container.image.chain_id);
      known != services_.accounts.end()) {
    result->accounts = known->second;
  }
  // `self` keeps the pod and the container alive; the loop does not write to them before the worker
  // is done.
  auto work = [self, &container, result, logs = log_directory(), volumes = services_.volumes,
               facts = services_.facts, profiles = services_.config.seccomp_dir] {
    const runtime::PodSpec& pod = self->pod_;
    const runtime::ContainerSpec& spec = *container.spec;
    if (!self->files_made_) {
      if (auto made = make_logs(logs, pod); !made) {
        result->done = made;
        return;
      }
      auto files = volumes->create(pod, self->network_.address);
      if (!files) {
        result->done = fail(files.error());
        return;
      }
      result->files = std::move(*files);
    }
    auto mounts = volumes->mount(pod, spec);
    if (!mounts) {
      result->done = fail(mounts.error());
      return;
    }
    result->files.mounts[spec.name] = std::move(*mounts);
    if (!result->accounts) result->accounts = read_accounts(container.rootfs);
    auto identity =
        resolve_identity(spec.security, container.config->user, result->accounts->passwd,
                         result->accounts->group, pod.id, spec.name);
    if (!identity) {
      result->done = fail(identity.error());
      return;
    }
    auto devices = find_devices(spec);
    if (!devices) {
      result->done = fail(devices.error());
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
                    .devices = std::move(*devices),
                    .hosts_file = result->files.hosts,
                    .resolv_conf = result->files.resolv_conf,
                    .cgroups_path = container.cgroups_path,
                    .network_namespace = self->network_.net_namespace,
                    .seccomp_profile = {},
                    .annotations = {}};
    if (!spec.security.seccomp_profile.empty()) {
      std::ifstream file(profiles + "/" + spec.security.seccomp_profile);
      input.seccomp_profile.assign(std::istreambuf_iterator<char>(file), {});
    }
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
    self->files_made_ = true;
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
  // A path is a shim as well. A container keeps what it was created with.
  const std::string& shim = services_.config.shim;
  wanted.mutable_runtime()->set_name(shim.empty() ? "io.containerd.runc.v2" : shim);
  ::containerd::runc::v1::Options options;
  options.set_binary_name(services_.config.runtime_binary);
  auto& any = *wanted.mutable_runtime()->mutable_options();
  any.set_type_url("containerd.runc.v1.Options");
  any.set_value(options.SerializeAsString());
  call(services_.channel, services_.containers, &api::Containers::Stub::PrepareAsyncCreate, request,
       kMetadataDeadline,
       [self = shared_from_this(), index](Result<api::CreateContainerResponse> answer) {
         if (!answer && answer.error().code == Code::AlreadyExists)
           return self->exists_already(index);
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
    // With volatile it could not be mounted again for another attempt.
    if (mount.type() == "overlay" && container.spec->attempts == 1 &&
        std::find(mount.options().begin(), mount.options().end(), "volatile") ==
            mount.options().end()) {
      added.add_options("volatile");
    }
  }
  const std::string logs = log_directory() + container.name;
  request.set_stdout(logs + ".stdout");
  request.set_terminal(container.spec->tty);
  if (!container.spec->tty) request.set_stderr(logs + ".stderr");
  call(services_.channel, services_.tasks, &tasks::Tasks::Stub::PrepareAsyncCreate, request,
       kTaskDeadline, [self = shared_from_this(), index](Result<tasks::CreateTaskResponse> answer) {
         if (!answer && self->containers_[index].attempt > 1) {
           return self->again_failed(index, answer.error().wrap("create task"));
         }
         if (!answer && answer.error().code == Code::AlreadyExists)
           return self->exists_already(index);
         if (!answer && self->is_of_an_earlier_life(answer.error()))
           return self->exists_already(index);
         if (!answer) return self->prepare_failed(answer.error().wrap("create task"));
         Container& made = self->containers_[index];
         made.pid = answer->pid();
         // It may have been ended meanwhile.
         if (made.phase == Phase::Absent || made.phase == Phase::Pausing)
           made.phase = Phase::Created;
         self->task_made(index);
       });
}

void PodLife::task_made(std::size_t index) {
  if (containers_[index].attempt == 1) return create_next();
  if (settle()) return;
  --busy_;
  if (containers_[index].phase == Phase::Created && !ending_) return launch(index);
  look();
}

}  // namespace gantry::containerd
