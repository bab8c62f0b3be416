#include "runtime/containerd/pod_life.h"

#include <algorithm>
#include <csignal>

namespace gantry::containerd {
namespace {

namespace tasks = api::tasks;

/// Kubernetes' StartError, for what could not be started once the pod ran.
constexpr int kCannotStart = 128;

bool ends(int signal) { return signal == SIGTERM || signal == SIGINT || signal == SIGKILL; }

}  // namespace

Time to_time(const google::protobuf::Timestamp& at) {
  return Time(std::chrono::seconds(at.seconds()) +
              std::chrono::duration_cast<Duration>(std::chrono::nanoseconds(at.nanos())));
}

std::optional<std::size_t> PodLife::index_of(const std::string& name) const {
  for (std::size_t i = 0; i < containers_.size(); ++i) {
    if (containers_[i].name == name) return i;
  }
  return std::nullopt;
}

// ---- starting ----

void PodLife::start() {
  start_requested_ = true;
  if (state_ == State::Prepared) begin();
}

void PodLife::begin() {
  state_ = State::Starting;
  if (!runs_already_) return start_stage();
  if (!several()) return resume();
  ++busy_;
  adopt_container(0);
}

/// Starts what was created of the stage and waits for nobody. After a take-over some of it may run
/// already.
void PodLife::start_stage() {
  std::vector<std::size_t> due;
  for (const std::size_t index : stage_members()) {
    const Container& container = containers_[index];
    if (container.phase == Phase::Created && container.spec->dependencies.empty() && !ending_)
      due.push_back(index);
  }
  if (due.empty()) return stage_started();
  // Counted before the first answer can come.
  pending_starts_ += due.size();
  for (const std::size_t index : due) containers_[index].starts_stage = true;
  for (const std::size_t index : due) launch(index);
}

void PodLife::launch(std::size_t index) {
  Container& container = containers_[index];
  container.phase = Phase::Starting;
  ++busy_;
  const auto go = [self = shared_from_this(), index] {
    self->start_container(index);
    // Asked for at once, so that its answer is on its way when the program ends.
    self->wait(index);
  };
  if (!several()) return go();
  mark(index, {container.attempt, true}, go);
}

void PodLife::mark(std::size_t index, StartMark mark, std::function<void()> done) {
  auto result = std::make_shared<Result<void>>();
  services_.offload(
      [result, mark, directory = services_.volumes->pod_directory(pod_.id),
       name = containers_[index].name] { *result = write_start_mark(directory, name, mark); },
      [self = shared_from_this(), index, result, done = std::move(done)] {
        if (*result) return done();
        self->start_answered(index, fail(result->error()));
      });
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
  --busy_;
  const bool of_stage = std::exchange(container.starts_stage, false);
  if (answer) {
    if (container.phase == Phase::Starting) container.phase = Phase::Running;
    if (container.started_at == Time{}) container.started_at = now();
    if (container.gone) {
      container.phase = Phase::Over;
    } else {
      tell_started(index);
    }
    if (container.phase == Phase::Running) begin_health(index);
  } else if (of_stage) {
    if (!start_error_) start_error_ = answer.error();
  } else if (!container.exit) {
    container.exit = runtime::ContainerExit{.exit_code = kCannotStart,
                                            .finished = now(),
                                            .reason = answer.error().message,
                                            .attempts = container.attempt};
    over(index);
  }
  if (of_stage && --pending_starts_ == 0) return stage_started();
  if (!settle(0)) look();
}

void PodLife::stage_started() {
  if (settle(0)) return;
  if (start_error_) {
    state_ = State::Ended;
    return services_.listener.on_failed(pod_.id, *start_error_);
  }
  if (in_last_stage() && state_ == State::Starting) {
    state_ = State::Running;
    std::optional<Time> at;
    for (const Container& container : containers_) {
      if (container.spec->role != runtime::Role::Main || container.started_at == Time{}) continue;
      if (container.gone && !several()) continue;
      if (!at || container.started_at < *at) at = container.started_at;
    }
    if (at) {
      services_.listener.on_started(pod_.id, *at);
      look_at_readiness();
      watch_outputs();
    }
  }
  for (const auto& pending : std::exchange(pending_signals_, {})) pending();
  look();
}

void PodLife::tell_started(std::size_t index) {
  if (!several()) return;
  const Container& container = containers_[index];
  services_.listener.on_container(pod_.id, container.name,
                                  {container.started_at, container.attempt, std::nullopt});
}

void PodLife::tell_exit(std::size_t index) {
  if (!several()) return;
  const Container& container = containers_[index];
  services_.listener.on_container(pod_.id, container.name,
                                  {container.exit->finished, container.attempt, container.exit});
}

// ---- waiting ----

void PodLife::wait(std::size_t index) {
  if (containers_[index].gone || containers_[index].exit) return;
  tasks::WaitRequest request;
  request.set_container_id(containers_[index].id);
  call(services_.channel, services_.tasks, &tasks::Tasks::Stub::PrepareAsyncWait, request,
       kNoDeadline,
       [self = shared_from_this(), index,
        attempt = containers_[index].attempt](Result<tasks::WaitResponse> answer) {
         const Container& container = self->containers_[index];
         if (self->state_ >= State::Ended || container.attempt != attempt) return;
         if (answer) {
           return self->exited(index, static_cast<int>(answer->exit_status()),
                               to_time(answer->exited_at()));
         }
         if (answer.error().code == Code::NotFound) return self->lost(index);
         // containerd is away (its shims are not), or the shim died: ask again once that is known.
         self->services_.retry([self, index] { self->wait_failed(index); });
       });
}

void PodLife::wait_failed(std::size_t index) {
  if (state_ >= State::Ended || containers_[index].phase == Phase::Over) return;
  tasks::GetRequest request;
  request.set_container_id(containers_[index].id);
  call(services_.channel, services_.tasks, &tasks::Tasks::Stub::PrepareAsyncGet, request,
       kMetadataDeadline, [self = shared_from_this(), index](Result<tasks::GetResponse> answer) {
         if (self->state_ >= State::Ended) return;
         if (!answer && answer.error().code == Code::NotFound) return self->lost(index);
         if (!answer) {
           return self->services_.retry([self, index] { self->wait_failed(index); });
         }
         self->wait(index);
       });
}

void PodLife::lost(std::size_t index) {
  Container& container = containers_[index];
  container.gone = true;
  // While it is being started, the answer to that says so too.
  if (container.phase == Phase::Running) container.phase = Phase::Over;
  look();
}

// ---- what is due ----

void PodLife::look() {
  if ((state_ != State::Starting && state_ != State::Running && state_ != State::Ending) ||
      removal_requested_)
    return;
  // While something is starting, the answers to that come first.
  if (pending_starts_ > 0 || to_resume_ > 0) return;
  if (!in_last_stage()) return look_at_init();
  start_dependents();
  bool mains_over = true, all_over = true;
  for (const Container& container : containers_) {
    const bool main = container.spec->role == runtime::Role::Main;
    if (main && container.gone && !container.exit) {
      state_ = State::Ended;
      return services_.listener.on_lost(
          pod_.id, {Code::NotFound, "container " + container.id + " is gone without an exit code"});
    }
    if (container.phase == Phase::Over) continue;
    all_over = false;
    if (main) mains_over = false;
  }
  if (!mains_over) return;
  if (state_ != State::Ending) {
    state_ = State::Ending;
    ending_ = true;
    stop_sidecars();
  }
  if (all_over && busy_ == 0) collect();
}

void PodLife::look_at_init() {
  const Container& init = containers_[stage_];
  if (init.gone && !init.exit) {
    state_ = State::Ended;
    return services_.listener.on_lost(
        pod_.id, {Code::NotFound, "container " + init.id + " is gone without an exit code"});
  }
  if (init.phase != Phase::Over && !(init.phase == Phase::Created && ending_)) return;
  if (init.exit && init.exit->exit_code == 0 && !ending_) {
    ++stage_;
    ++busy_;
    return create_next();
  }
  const std::string reason =
      init.exit && init.exit->exit_code != 0
          ? "init container \"" + init.name +
                "\" exited with non-zero code: " + std::to_string(init.exit->exit_code)
          : "the pod was ended";
  ending_ = true;
  for (std::size_t i = 0; i < containers_.size(); ++i) never_start(i, reason);
  state_ = State::Ending;
  if (busy_ == 0) collect();
}

void PodLife::start_dependents() {
  // What never starts decides about those that wait for it, so look until nothing changes.
  for (bool changed = true; changed;) {
    changed = false;
    for (std::size_t i = init_containers_; i < containers_.size(); ++i) {
      if (containers_[i].phase != Phase::Created) continue;
      std::string reason = ending_ ? "the pod was ended" : "";
      bool waits = false;
      for (const std::string& name : containers_[i].spec->dependencies) {
        const auto on = index_of(name);
        if (!on || !containers_[*on].exit || containers_[*on].phase != Phase::Over) {
          waits = true;
        } else if (const int code = containers_[*on].exit->exit_code; code != 0 && reason.empty()) {
          reason = "dependency \"" + name + "\" exited with non-zero code: " + std::to_string(code);
        }
      }
      if (!reason.empty()) {
        never_start(i, reason);
      } else if (!waits) {
        launch(i);
      } else {
        continue;
      }
      changed = true;
    }
  }
}

/// Nothing, if it was started.
void PodLife::never_start(std::size_t index, const std::string& reason) {
  Container& container = containers_[index];
  if (container.phase != Phase::Absent && container.phase != Phase::Created) return;
  container.phase = Phase::Over;
  container.exit = runtime::ContainerExit{.exit_code = 128 + SIGTERM,
                                          .finished = now(),
                                          .reason = reason,
                                          .never_started = true,
                                          .attempts = 0};
  tell_exit(index);
}

// A pod has ended when its main containers have: Argo's way with sidecars is TERM, and KILL after a
// while.
void PodLife::stop_sidecars() {
  for (std::size_t i = init_containers_; i < containers_.size(); ++i) {
    if (containers_[i].spec->role != runtime::Role::Sidecar) continue;
    stop(i, SIGTERM, false);
    services_.after(pod_.termination_grace, [self = shared_from_this(), i] {
      if (self->state_ == State::Ending) self->kill(i, SIGKILL, true);
    });
  }
}

// ---- another attempt ----

/// The container has ended with its exit; its root file system stays.
void PodLife::attempt_again(std::size_t index) {
  Container& container = containers_[index];
  container.phase = Phase::Pausing;
  services_.after(container.spec->retry_pause, [self = shared_from_this(), index] {
    Container& one = self->containers_[index];
    if (one.phase != Phase::Pausing || self->state_ >= State::Ended || self->removal_requested_)
      return;
    if (self->ending_) return self->over(index);
    ++one.attempt;
    one.exit.reset();
    one.start_unclear = false;
    one.started_at = {};
    one.startup = one.readiness = one.liveness = {};
    self->cleanings_ = 0;
    ++self->busy_;
    self->mark(index, {one.attempt, false}, [self, index] { self->make_again(index); });
  });
}

void PodLife::make_again(std::size_t index) {
  if (settle()) return;
  auto self = shared_from_this();
  clear_task(containers_[index].id, true, [self, index](Result<void> cleared) {
    if (!cleared) return self->again_failed(index, cleared.error());
    if (self->settle()) return;
    if (!self->containers_[index].rootfs.empty()) return self->make_task(index);
    api::MountsRequest request;
    request.set_snapshotter(self->services_.config.snapshotter);
    request.set_key(self->containers_[index].id);
    call(self->services_.channel, self->services_.snapshots,
         &api::Snapshots::Stub::PrepareAsyncMounts, request, kMetadataDeadline,
         [self, index](Result<api::MountsResponse> answer) {
           if (!answer) return self->again_failed(index, answer.error().wrap("snapshot"));
           self->containers_[index].rootfs.assign(answer->mounts().begin(), answer->mounts().end());
           self->make_task(index);
         });
  });
}

void PodLife::again_failed(std::size_t index, const Error& error) {
  auto self = shared_from_this();
  const auto again = [self, index] { self->make_again(index); };
  if (error.code == Code::Unavailable) return services_.retry(again);
  if (++cleanings_ <= kMostCleanings && !removal_requested_) {
    return services_.after(kCleaningPause * (1 << (cleanings_ - 1)), again);
  }
  if (settle()) return;
  --busy_;
  Container& container = containers_[index];
  container.phase = Phase::Absent;
  container.exit = runtime::ContainerExit{.exit_code = kCannotStart,
                                          .finished = now(),
                                          .reason = error.message,
                                          .attempts = container.attempt};
  over(index);
}

// ---- signals ----

void PodLife::signal(int signal, bool everything) {
  if (pending_starts_ > 0 || to_resume_ > 0 || (state_ < State::Starting && start_requested_)) {
    pending_signals_.push_back([this, signal, everything] { this->signal(signal, everything); });
    return;
  }
  if (state_ != State::Starting && state_ != State::Running && state_ != State::Ending) return;
  // A pod of one container has nothing else that could be started.
  if (ends(signal) && several()) ending_ = true;
  for (std::size_t i = 0; i < containers_.size(); ++i) {
    const bool sidecar = containers_[i].spec->role == runtime::Role::Sidecar;
    if (everything || !sidecar) stop(i, signal, everything);
    if (ends(signal) && containers_[i].phase == Phase::Pausing && containers_[i].exit)
      containers_[i].phase = Phase::Over;
  }
  if (several()) look();
}

void PodLife::signal_container(const std::string& name, int signal) {
  if (pending_starts_ > 0 || to_resume_ > 0 || (state_ < State::Starting && start_requested_)) {
    pending_signals_.push_back([this, name, signal] { signal_container(name, signal); });
    return;
  }
  if (state_ != State::Starting && state_ != State::Running && state_ != State::Ending) return;
  const auto index = index_of(name);
  if (!index) return;
  Container& container = containers_[*index];
  if (container.phase == Phase::Running || container.phase == Phase::Starting)
    return stop(*index, signal, false);
  if (!ends(signal)) return;
  if (container.phase == Phase::Pausing) return over(*index);
  // One whose stage has not come is never created.
  never_start(*index, "it was ended before it started");
  look();
}

/// With its preStop hook before a SIGTERM.
void PodLife::stop(std::size_t index, int signal, bool everything) {
  Container& container = containers_[index];
  if (signal == SIGTERM && container.phase == Phase::Running &&
      container.spec->lifecycle.pre_stop && !std::exchange(container.stop_hook_run, true)) {
    const auto attempt = container.attempt;
    auto told = std::make_shared<bool>(false);
    const auto go = [self = shared_from_this(), index, attempt, told, signal, everything] {
      if (std::exchange(*told, true) || self->containers_[index].attempt != attempt) return;
      if (self->state_ < State::Ended) self->kill(index, signal, everything);
    };
    services_.after(pod_.termination_grace, go);
    return run_hook(index, *container.spec->lifecycle.pre_stop, [go](Result<void>) { go(); });
  }
  kill(index, signal, everything);
}

/// The runtime itself ends a container: SIGTERM, after the grace period SIGKILL.
void PodLife::stop_for_good(std::size_t index, const std::string& reason) {
  Container& container = containers_[index];
  if (container.phase != Phase::Running || !container.killed_because.empty()) return;
  container.killed_because = reason;
  stop(index, SIGTERM, false);
  services_.after(pod_.termination_grace,
                  [self = shared_from_this(), index, attempt = container.attempt] {
                    if (self->state_ < State::Ended && self->containers_[index].attempt == attempt)
                      self->kill(index, SIGKILL, true);
                  });
}

void PodLife::kill(std::size_t index, int signal, bool everything) {
  const Container& container = containers_[index];
  if (container.phase != Phase::Running && container.phase != Phase::Starting) return;
  tasks::KillRequest request;
  request.set_container_id(container.id);
  request.set_signal(static_cast<std::uint32_t>(signal));
  // The end of the first process of its namespace ends all others.
  request.set_all(pod_.host_pid ? everything || signal == SIGKILL
                                : everything && signal != SIGKILL);
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

}  // namespace gantry::containerd
