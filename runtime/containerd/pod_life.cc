#include "runtime/containerd/pod_life.h"

#include <csignal>
#include <nlohmann/json.hpp>

#include "runtime/containerd/outputs.h"
#include "runtime/containerd/process.h"
#include "runtime/containerd/stale_bundle.h"

namespace gantry::containerd {
namespace {

namespace tasks = api::tasks;

constexpr Duration kTaskDeadline = std::chrono::seconds(120);
constexpr Duration kSidecarGrace = std::chrono::seconds(10);
/// The shim itself gives a container's output this long when its task is deleted.
constexpr Duration kOutputGrace = std::chrono::seconds(2);
// What tini and catatonit exit with when they cannot run the program, as a shell would.
constexpr int kNotFound = 127, kNotExecutable = 126;
/// What the OCI runtime's own init exits with when `start` is killed half way.
constexpr int kInitFailed = 1;
/// Argo's emissary (cmd/argoexec/commands/emissary.go) for a program that cannot be run.
constexpr int kEmissaryFailure = 64;

Time to_time(const google::protobuf::Timestamp& at) {
  return Time(std::chrono::seconds(at.seconds()) +
              std::chrono::duration_cast<Duration>(std::chrono::nanoseconds(at.nanos())));
}

}  // namespace

void PodLife::start() {
  start_requested_ = true;
  if (state_ == State::Prepared) begin();
}

void PodLife::begin() {
  state_ = State::Starting;
  busy_ = true;
  start_answers_ = 0;
  for (std::size_t i = 0; i < containers_.size(); ++i) {
    if (runs_already_) {
      services_.post([self = shared_from_this(), i] { self->start_answered(i, {}); });
    } else {
      start_container(i);
    }
    // Asked for at once, so that its answer is on its way when the program ends.
    wait(i);
  }
}

void PodLife::start_container(std::size_t index) {
  tasks::StartRequest request;
  request.set_container_id(containers_[index].id);
  call(services_.channel, services_.tasks, &tasks::Tasks::Stub::PrepareAsyncStart, request,
       kTaskDeadline, [self = shared_from_this(), index](Result<tasks::StartResponse> answer) {
         if (answer) {
           self->containers_[index].started_at = now();
           return self->start_answered(index, {});
         }
         if (answer.error().code == Code::Unavailable) {
           self->containers_[index].start_unclear = true;
           return self->services_.retry([self, index] { self->find_out_start(index); });
         }
         self->start_answered(index, fail(answer.error().wrap("start task")));
       });
}

// containerd went away while we waited for the answer: was the program started?
void PodLife::find_out_start(std::size_t index) {
  tasks::GetRequest request;
  request.set_container_id(containers_[index].id);
  call(services_.channel, services_.tasks, &tasks::Tasks::Stub::PrepareAsyncGet, request,
       kMetadataDeadline, [self = shared_from_this(), index](Result<tasks::GetResponse> answer) {
         if (!answer && answer.error().code == Code::Unavailable) {
           return self->services_.retry([self, index] { self->find_out_start(index); });
         }
         if (answer && answer->process().status() == ::containerd::v1::types::CREATED) {
           return self->start_container(index);
         }
         if (!answer && answer.error().code == Code::NotFound) {
           self->containers_[index].gone = true;
         }
         self->start_answered(index, {});
       });
}

void PodLife::start_answered(std::size_t index, Result<void> answer) {
  Container& container = containers_[index];
  if (answer) {
    container.started = true;
    if (container.started_at == Time{}) container.started_at = now();
  } else if (!start_error_) {
    start_error_ = answer.error();
  }
  if (++start_answers_ < containers_.size()) return;
  busy_ = false;
  if (start_error_) {
    state_ = State::Ended;
    if (settle()) return;
    return services_.listener.on_failed(pod_.id, *start_error_);
  }
  state_ = State::Running;
  if (settle()) return;
  if (!containers_.front().gone) {
    services_.listener.on_started(pod_.id, containers_.front().started_at);
  }
  for (const auto& pending : std::exchange(pending_signals_, {})) {
    signal(pending.signal, pending.everything);
  }
  look_at_end();
}

// ---- the end ----

void PodLife::wait(std::size_t index) {
  if (containers_[index].gone || containers_[index].exit) return;
  tasks::WaitRequest request;
  request.set_container_id(containers_[index].id);
  call(services_.channel, services_.tasks, &tasks::Tasks::Stub::PrepareAsyncWait, request,
       kNoDeadline, [self = shared_from_this(), index](Result<tasks::WaitResponse> answer) {
         if (self->state_ >= State::Ended) return;
         if (answer) {
           return self->exited(index, static_cast<int>(answer->exit_status()),
                               to_time(answer->exited_at()));
         }
         if (answer.error().code == Code::NotFound) {
           self->containers_[index].gone = true;
           return self->look_at_end();
         }
         // containerd is away (its shims are not), or the shim died: ask again once that is known.
         self->services_.retry([self, index] { self->wait_failed(index); });
       });
}

void PodLife::wait_failed(std::size_t index) {
  if (state_ >= State::Ended) return;
  tasks::GetRequest request;
  request.set_container_id(containers_[index].id);
  call(services_.channel, services_.tasks, &tasks::Tasks::Stub::PrepareAsyncGet, request,
       kMetadataDeadline, [self = shared_from_this(), index](Result<tasks::GetResponse> answer) {
         if (self->state_ >= State::Ended) return;
         if (!answer && answer.error().code == Code::NotFound) {
           self->containers_[index].gone = true;
           return self->look_at_end();
         }
         if (!answer) {
           return self->services_.retry([self, index] { self->wait_failed(index); });
         }
         self->wait(index);
       });
}

void PodLife::exited(std::size_t index, int status, Time at) {
  Container& container = containers_[index];
  if (container.exit) return;
  runtime::ContainerExit exit;
  exit.exit_code = status;
  exit.finished = at;
  container.exit = exit;
  look_at_end();
}

void PodLife::look_at_end() {
  // While it is starting, the answers to that come first.
  if (state_ != State::Running && state_ != State::Ending) return;
  const Container& main = containers_.front();
  if (main.gone && !main.exit) {
    state_ = State::Ended;
    return services_.listener.on_lost(
        pod_.id, {Code::NotFound, "container " + main.id + " is gone without an exit code"});
  }
  if (!main.exit) return;
  if (state_ == State::Running) {
    state_ = State::Ending;
    stop_sidecars();
  }
  for (const Container& container : containers_) {
    if (!container.exit && !container.gone) return;
  }
  if (!busy_) collect();
}

// A pod has ended when main has: Argo's way with sidecars is TERM, and KILL after a while.
void PodLife::stop_sidecars() {
  if (containers_.size() == 1) return;
  for (std::size_t i = 1; i < containers_.size(); ++i) kill(i, SIGTERM, false);
  services_.after(kSidecarGrace, [self = shared_from_this()] {
    if (self->state_ != State::Ending) return;
    for (std::size_t i = 1; i < self->containers_.size(); ++i) self->kill(i, SIGKILL, true);
  });
}

void PodLife::collect() {
  busy_ = true;
  auto result = std::make_shared<runtime::PodExit>();
  auto never_started = std::make_shared<bool>(false);
  for (const Container& container : containers_) {
    if (container.exit) result->containers[container.name] = *container.exit;
  }
  auto self = shared_from_this();
  const std::string logs = services_.config.log_root + "/" + pod_.log_directory + "/";
  // `self` keeps what is read alive, and the loop does not write to it while busy_. Of services_
  // only copies: the runtime may go before the worker has ended.
  auto work = [self, result, never_started, logs, bundles = bundle_of(""),
               name_space = services_.config.name_space, cgroups = services_.cgroups] {
    const Container& main = self->containers_.front();
    *never_started = main.start_unclear && main.exit->exit_code == kInitFailed &&
                     start_was_cut_off(name_space, main.id);

    for (Container& container : self->containers_) {
      const auto found = result->containers.find(container.name);
      if (found == result->containers.end()) continue;
      runtime::ContainerExit& exit = found->second;
      exit.started = std::min(container.started_at, exit.finished);
      exit.oom_killed = cgroups->oom_kills(container.cgroups_path) > 0;
      wait_until_written(logs + container.name + ".stdout", kOutputGrace);
      wait_until_written(logs + container.name + ".stderr", kOutputGrace);
      const ContainerFiles files(bundles + container.id + "/rootfs",
                                 self->files_.mounts[container.name]);
      for (const runtime::OutputFile& output : self->pod_.outputs) {
        if (output.container != container.name) continue;
        result->outputs.insert_or_assign(output.name, files.read(output.path));
      }
      if ((exit.exit_code != kNotFound && exit.exit_code != kNotExecutable) ||
          container.arguments.empty()) {
        continue;
      }
      // The user's program may exit with these as well: only if it cannot be run was it the init.
      exit.reason =
          why_not_runnable(files, container.arguments.front(),
                           environment_value(container.environment, "PATH"), container.working_dir);
      if (!exit.reason.empty()) exit.exit_code = kEmissaryFailure;
    }
    if (self->pod_.capture_stdout) {
      result->stdout_tail =
          read_tail(logs + self->containers_.front().name + ".stdout", kStdoutTailBytes);
    }
  };
  services_.offload(std::move(work), [self, result, never_started] {
    self->busy_ = false;
    self->state_ = State::Ended;
    if (self->settle()) return;
    if (*never_started) {
      return self->services_.listener.on_lost(
          self->pod_.id, {Code::Aborted, "containerd was killed while it started the container"});
    }
    self->services_.listener.on_exited(self->pod_.id, std::move(*result));
  });
}

std::string PodLife::bundle_of(const std::string& id) const {
  return services_.config.containerd_state + "/io.containerd.runtime.v2.task/" +
         services_.config.name_space + "/" + id;
}

// ---- signals ----

void PodLife::signal(int signal, bool everything) {
  if (state_ == State::Starting || (state_ < State::Starting && start_requested_)) {
    pending_signals_.push_back({signal, everything});
    return;
  }
  if (state_ != State::Running && state_ != State::Ending) return;
  if (!everything) return kill(0, signal, false);
  for (std::size_t i = 0; i < containers_.size(); ++i) kill(i, signal, true);
}

void PodLife::kill(std::size_t index, int signal, bool everything) {
  const Container& container = containers_[index];
  if (container.gone || container.exit) return;
  tasks::KillRequest request;
  request.set_container_id(container.id);
  request.set_signal(static_cast<std::uint32_t>(signal));
  // The end of the first process of its namespace ends all others.
  request.set_all(everything && signal != SIGKILL);
  call(services_.channel, services_.tasks, &tasks::Tasks::Stub::PrepareAsyncKill, request,
       kMetadataDeadline,
       [self = shared_from_this(), index, signal,
        everything](Result<google::protobuf::Empty> answer) {
         // Anything but a lost connection means that there is nothing to signal any more.
         if (answer || answer.error().code != Code::Unavailable) return;
         self->services_.retry([self, index, signal, everything] {
           if (self->state_ < State::Ended) self->kill(index, signal, everything);
         });
       });
}

// ---- taking over after a restart of the daemon ----

void PodLife::adopt() {
  state_ = State::Preparing;
  touched_ = true;
  start_requested_ = true;
  services_.post([self = shared_from_this()] {
    if (self->settle()) return;
    if (auto checked = self->check(); !checked) return self->prepare_failed(checked.error());
    self->files_ = self->services_.volumes->find(self->pod_);
    self->busy_ = true;
    const std::string parent = self->services_.config.cgroup_root + "/" +
                               self->pod_.cgroup.substr(0, self->pod_.cgroup.find('/'));
    self->services_.enter_cgroup(parent, [self, parent] {
      self->cgroup_parent_ = parent;
      self->adopt_container(0);
    });
  });
}

// The stored specification says what runs; the images may have changed since.
void PodLife::adopt_container(std::size_t index) {
  auto self = shared_from_this();
  if (settle()) return;
  if (!services_.connected) {
    return services_.retry([self, index] { self->adopt_container(index); });
  }
  if (index == containers_.size()) return adopted();
  api::GetContainerRequest request;
  request.set_id(containers_[index].id);
  call(services_.channel, services_.containers, &api::Containers::Stub::PrepareAsyncGet, request,
       kMetadataDeadline, [self, index](Result<api::GetContainerResponse> answer) {
         Container& container = self->containers_[index];
         if (!answer && answer.error().code == Code::NotFound) {
           container.gone = true;
           return self->adopt_container(index + 1);
         }
         if (!answer) {
           return self->services_.retry([self, index] { self->adopt_container(index); });
         }
         container.started_at = to_time(answer->container().created_at());
         const auto spec =
             nlohmann::json::parse(answer->container().spec().value(), nullptr, false);
         if (spec.is_object() && spec.contains("process")) {
           const auto& process = spec["process"];
           container.arguments = process.value("args", std::vector<std::string>{});
           container.arguments.erase(
               container.arguments.begin(),
               container.arguments.begin() + static_cast<std::ptrdiff_t>(std::min(
                                                 kInitArguments, container.arguments.size())));
           container.environment = process.value("env", std::vector<std::string>{});
           container.working_dir = process.value("cwd", "");
         }
         self->adopt_container(index + 1);
       });
}

void PodLife::adopted() {
  // Each container is asked for: one that was made but not started (the daemon died between the
  // two) is started now.
  state_ = State::Starting;
  busy_ = true;
  start_answers_ = 0;
  for (std::size_t i = 0; i < containers_.size(); ++i) {
    if (containers_[i].gone) {
      start_answered(i, {});
    } else {
      containers_[i].start_unclear = true;
      find_out_start(i);
      wait(i);
    }
  }
}

}  // namespace gantry::containerd
