#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/json_text.h"
#include "runtime/containerd/pod_life.h"
#include "runtime/containerd/process.h"
#include "runtime/containerd/stale_bundle.h"

namespace gantry::containerd {
namespace {

namespace tasks = api::tasks;
namespace status = ::containerd::v1::types;

}  // namespace

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

void PodLife::exists_already(std::size_t index) {
  if (settle()) return;
  if (cleanings_ == kMostCleanings) {
    return prepare_failed({Code::AlreadyExists, "pod " + pod_.id + " exists and does not go away"});
  }
  auto self = shared_from_this();
  if (state_ != State::Preparing) {
    // Others of the pod have run by now; this one has not, or it would not be created.
    const auto pause = kCleaningPause * (1 << cleanings_) / 2;
    ++cleanings_;
    return services_.after(pause, [self, index] {
      if (self->settle()) return;
      self->clear(self->containers_[index].id, false, [self, index](Result<void> cleared) {
        if (!cleared) return self->prepare_failed(cleared.error().wrap("clear away"));
        self->make_snapshot(index);
      });
    });
  }
  if (cleanings_ == 0) return take_over(0, {});
  services_.after(kCleaningPause * (1 << (cleanings_ - 1)), [self] {
    if (!self->settle()) self->take_over(0, {});
  });
}

// Asks for the tasks one by one. The first stage there, as created: the pod is taken over as it is.
// Main there, started: it runs already, or has ended. Otherwise nothing of the user's has run: clear
// all away and begin again. (A pod of several containers that was started has marks, and does not come here.)
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
                  if (answer) self->containers_[index].pid = answer->process().pid();
                  statuses.push_back(answer ? std::optional<int>(answer->process().status())
                                            : std::nullopt);
                  self->take_over(index + 1, std::move(statuses));
                });
  }
  const auto stopped = static_cast<int>(status::STOPPED);
  if (several() || statuses.front() != stopped) {
    const bool ran = !several() && statuses.front() && statuses.front() != static_cast<int>(status::CREATED);
    return take_over_as(ran, std::move(statuses));
  }
  // It was started and has ended while nobody looked, or it was ended before it was started.
  auto cut_off = std::make_shared<bool>();
  services_.offload(
      [cut_off, name_space = services_.config.name_space, id = pod_.id] { *cut_off = start_was_cut_off(name_space, id); },
      [self, cut_off, statuses = std::move(statuses)]() mutable {
        if (!self->settle()) self->take_over_as(!*cut_off, std::move(statuses));
      });
}

/// `ran`: its program was started, so nothing of it may be started again.
void PodLife::take_over_as(bool ran, std::vector<std::optional<int>> statuses) {
  auto self = shared_from_this();
  const auto members = stage_members();
  const bool created = std::all_of(members.begin(), members.end(), [&](std::size_t i) {
    return statuses[i] == static_cast<int>(status::CREATED);
  });
  runs_already_ = ran;
  if (ran) return take_as_it_is();
  if (!created) return begin_again();
  // Until it is started nobody was promised anything of it: this life may have given the pod other units of named resources
  // than it was made with, and their devices are in its containers.
  has_our_labels(members.front(), [self](bool same) { same ? self->take_as_it_is() : self->begin_again(); });
}

/// Whether the container was made of a pod with the same labels.
void PodLife::has_our_labels(std::size_t index, std::function<void(bool)> done) {
  api::GetContainerRequest request;
  request.set_id(containers_[index].id);
  call(services_.channel, services_.containers, &api::Containers::Stub::PrepareAsyncGet, request, kMetadataDeadline,
       [self = shared_from_this(), done = std::move(done)](Result<api::GetContainerResponse> answer) {
         if (self->settle()) return;
         if (!answer && answer.error().code != Code::NotFound) {
           return self->prepare_failed(answer.error().wrap("look for container"));
         }
         std::map<std::string, std::string> labels;
         if (answer) labels.insert(answer->container().labels().begin(), answer->container().labels().end());
         labels.erase(kPodLabel);
         done(labels == self->pod_.labels);
       });
}

void PodLife::take_as_it_is() {
  files_ = services_.volumes->find(pod_);
  files_made_ = true;
  for (Container& container : containers_) {
    container.environment = environment_of(*container.spec, *container.config, pod_.hostname, "/");
  }
  for (const std::size_t i : stage_members()) containers_[i].phase = Phase::Created;
  prepared();
}

void PodLife::begin_again() {
  auto self = shared_from_this();
  ++cleanings_;
  auto left = std::make_shared<std::size_t>(containers_.size());
  auto problem = std::make_shared<Result<void>>();
  for (Container& container : containers_) {
    container.phase = Phase::Absent;
    clear(container.id, false, [self, left, problem](Result<void> cleared) {
      if (!cleared) *problem = cleared;
      if (--*left > 0) return;
      if (!*problem) return self->prepare_failed(problem->error().wrap("clear away"));
      self->create_next();
    });
  }
}

// ---- taking over after a restart of the daemon ----

void PodLife::adopt() {
  if (removal_requested_) return;
  state_ = State::Preparing;
  start_requested_ = true;
  services_.post([self = shared_from_this()] {
    if (self->settle(0)) return;
    if (auto checked = self->check(); !checked) return self->prepare_failed(checked.error());
    self->touched_ = true;
    ++self->busy_;
    struct Found {
      PodFiles files;
      PodAttachment network;
      std::map<std::string, StartMark> marks;
    };
    auto found = std::make_shared<Found>();
    auto& services = self->services_;
    services.offload(
        [self, found, volumes = services.volumes, network = services.network] {
          found->files = volumes->find(self->pod_);
          found->marks = read_start_marks(volumes->pod_directory(self->pod_.id));
          found->network = network->find(self->pod_.id).value_or(PodAttachment{});
        },
        [self, found] {
          self->files_ = std::move(found->files);
          self->marks_ = std::move(found->marks);
          self->network_ = std::move(found->network);
          const std::string parent = self->services_.config.cgroup_root + "/" +
                                     self->pod_.cgroup.substr(0, self->pod_.cgroup.find('/'));
          self->services_.enter_cgroup(parent, [self, parent] {
            self->cgroup_parent_ = parent;
            self->adopt_container(0);
          });
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
  if (index == containers_.size()) {
    files_made_ = true;
    --busy_;
    state_ = State::Starting;
    return resume();
  }
  api::GetContainerRequest request;
  request.set_id(containers_[index].id);
  call(services_.channel, services_.containers, &api::Containers::Stub::PrepareAsyncGet, request,
       kMetadataDeadline, [self, index](Result<api::GetContainerResponse> answer) {
         Container& container = self->containers_[index];
         if (!answer && answer.error().code == Code::NotFound)
           return self->adopt_container(index + 1);
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
           container.process =
               json_text(process);
         }
         self->adopt_container(index + 1);
       });
}

/// Asks what has become of each container. With all answers there, it goes on as if it had been
/// started now.
void PodLife::resume() {
  to_resume_ = containers_.size();
  busy_ += static_cast<int>(containers_.size());
  for (std::size_t i = 0; i < containers_.size(); ++i) {
    const auto mark = marks_.find(containers_[i].name);
    if (mark != marks_.end()) containers_[i].attempt = mark->second.attempt;
    tasks::GetRequest request;
    request.set_container_id(containers_[i].id);
    const auto ask = [self = shared_from_this(), i, request](const auto& again) -> void {
      call(self->services_.channel, self->services_.tasks, &tasks::Tasks::Stub::PrepareAsyncGet,
           request, kMetadataDeadline, [self, i, again](Result<tasks::GetResponse> answer) {
             if (!answer && answer.error().code == Code::Unavailable) {
               return self->services_.retry([again] { again(again); });
             }
             if (answer) self->containers_[i].pid = answer->process().pid();
             self->resume_container(
                 i, answer ? Result<int>(answer->process().status()) : fail(answer.error()));
           });
    };
    ask(ask);
  }
}

void PodLife::resume_container(std::size_t index, Result<int> status) {
  Container& container = containers_[index];
  const auto mark = marks_.find(container.name);
  // Its caller knows that a pod of one container was to be started.
  const bool started = !several() || (mark != marks_.end() && mark->second.started);
  const bool again = mark != marks_.end() && !mark->second.started && mark->second.attempt > 1;
  --busy_;
  --to_resume_;
  if (again) {
    // The attempt before has ended, and its task may be there still.
    container.phase = Phase::Pausing;
    ++busy_;
    make_again(index);
  } else if (status && *status == static_cast<int>(status::CREATED)) {
    container.phase = Phase::Created;
  } else if (status) {
    container.phase = Phase::Running;
    container.start_unclear = true;
    if (container.started_at == Time{}) container.started_at = now();
    wait(index);
  } else if (started) {
    container.gone = true;
    container.phase = Phase::Over;
  }
  if (to_resume_ == 0) resumed();
}

// What is absent is created when its stage comes, as in the life before.
void PodLife::resumed() {
  if (settle(0)) return;
  const auto members = stage_members();
  const bool absent = std::any_of(members.begin(), members.end(), [&](std::size_t i) {
    return containers_[i].phase == Phase::Absent;
  });
  for (std::size_t i = 0; i < containers_.size(); ++i) {
    if (containers_[i].phase != Phase::Running) continue;
    tell_started(i);
    begin_health(i);
  }
  if (absent) {
    ++busy_;
    return create_next();
  }
  start_stage();
}

}  // namespace gantry::containerd
