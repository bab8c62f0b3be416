#include <algorithm>
#include <csignal>
#include <nlohmann/json.hpp>

#include "runtime/containerd/found_pods.h"
#include "runtime/containerd/pod_life.h"
#include "runtime/containerd/stale_bundle.h"

namespace gantry::containerd {
namespace {

namespace tasks = api::tasks;
using google::protobuf::Empty;

constexpr Duration kKillDeadline = std::chrono::seconds(10);
constexpr Duration kPause{200};
constexpr int kAttempts = 10;

template <class T>
Result<void> unless_gone(const Result<T>& answer, const char* doing) {
  if (answer || answer.error().code == Code::NotFound) return {};
  return fail(answer.error().wrap(doing));
}

}  // namespace

void PodLife::remove() {
  if (removal_requested_) return;
  removal_requested_ = true;
  if (busy_ == 0) begin_removal();
}

void PodLife::begin_removal() {
  auto self = shared_from_this();
  const bool unknown = state_ == State::New;
  state_ = State::Removing;
  leave_prepares();
  if ((!touched_ && !unknown) || !is_safe_name(pod_.id)) {
    return services_.post([self] { self->removed(); });
  }
  services_.removals.enter([self, unknown] {
    if (unknown) {
      self->find_containers();
    } else {
      self->remove_container(0);
    }
  });
}

// A pod of an earlier life that nobody adopted: its containers are found by label, its cgroup in
// their specification.
void PodLife::find_containers() {
  auto self = shared_from_this();
  if (!services_.connected) return services_.retry([self] { self->find_containers(); });
  api::ListContainersRequest request;
  request.add_filters(std::string("labels.\"") + kPodLabel + "\"==\"" + pod_.id + "\"");
  call(services_.channel, services_.containers, &api::Containers::Stub::PrepareAsyncList, request,
       kMetadataDeadline, [self](Result<api::ListContainersResponse> answer) {
         if (!answer && ++self->removal_attempts_ < kAttempts) {
           return self->services_.retry([self] { self->find_containers(); });
         }
         if (!answer) {
           self->services_.config.log(answer.error().wrap("find " + self->pod_.id).message);
           answer = api::ListContainersResponse();
         }
         std::string parent;
         for (const auto& found : answer->containers()) {
           Container container;
           container.id = found.id();
           self->containers_.push_back(std::move(container));
           const auto spec = nlohmann::json::parse(found.spec().value(), nullptr, false);
           const nlohmann::json::json_pointer where("/linux/cgroupsPath");
           if (spec.is_object() && spec.contains(where) && spec[where].is_string()) {
             parent = spec[where].get<std::string>();
             self->containers_.back().cgroups_path = parent;
           }
         }
         self->add_container(self->pod_.id);  // of which a bundle may be left
         const std::string& root = self->services_.config.cgroup_root;
         if (!parent.starts_with(root + "/")) return self->find_leftover_snapshots();
         parent.resize(std::min(parent.size(), parent.find('/', root.size() + 1)));
         self->services_.enter_cgroup(parent, [self, parent] {
           self->cgroup_parent_ = parent;
           self->find_leftover_snapshots();
         });
       });
}

void PodLife::add_container(const std::string& id) {
  const auto same = [&](const Container& one) { return one.id == id; };
  if (std::any_of(containers_.begin(), containers_.end(), same)) return;
  containers_.emplace_back().id = id;
}

// A removal that was cut off leaves a snapshot without its container.
void PodLife::find_leftover_snapshots() {
  auto self = shared_from_this();
  find_snapshots(services_, pod_.id, [self](Result<std::vector<FoundSnapshot>> found) {
    if (!found && ++self->removal_attempts_ < kAttempts) {
      return self->services_.retry([self] { self->find_leftover_snapshots(); });
    }
    if (!found) {
      self->services_.config.log(found.error().wrap("find " + self->pod_.id).message);
    } else {
      for (const FoundSnapshot& snapshot : *found) self->add_container(snapshot.key);
    }
    self->remove_container(0);
  });
}

void PodLife::remove_container(std::size_t index) {
  auto self = shared_from_this();
  if (index == containers_.size()) {
    auto result = std::make_shared<std::pair<Result<void>, Result<void>>>();
    return services_.offload(
        [volumes = services_.volumes, network = services_.network, id = pod_.id, result] {
          result->first = volumes->remove(id);
          result->second = network->detach(id);
        },
        [self, result] {
          for (const auto& done : {result->first, result->second}) {
            if (!done) self->services_.config.log(done.error().wrap(self->pod_.id).message);
          }
          if (!self->cgroup_parent_.empty()) {
            self->services_.leave_cgroup(self->cgroup_parent_);
            self->cgroup_parent_.clear();
          }
          self->services_.removals.leave();
          self->removed();
        });
  }
  const Container& container = containers_[index];
  const bool ended = container.exit && !container.exit->never_started;
  clear(container.id, ended, [self, index](Result<void> cleared) {
    if (cleared) return self->remove_container(index + 1);
    const auto again = [self, index] { self->remove_container(index); };
    if (cleared.error().code == Code::Unavailable) return self->services_.retry(again);
    if (++self->removal_attempts_ < kAttempts) return self->services_.after(kPause, again);
    self->services_.config.log(cleared.error().wrap("cannot remove " + self->pod_.id).message);
    self->remove_container(index + 1);
  });
}

void PodLife::clear(const std::string& id, bool ended, std::function<void(Result<void>)> done) {
  auto self = shared_from_this();
  auto rest = [self, id, done](Result<void> cleared) {
    if (!cleared) return done(cleared);
    self->clear_bundle(id, [self, id, done](Result<void> bundle) {
      if (!bundle) return done(bundle);
      self->clear_rest(id, done);
    });
  };
  if (ended) return clear_task(id, true, rest);
  tasks::KillRequest kill;
  kill.set_container_id(id);
  // With the first process of its namespace all others end; `all` would have the OCI runtime look
  // for them in the cgroup.
  kill.set_signal(SIGKILL);
  kill.set_all(pod_.host_pid);
  call(services_.channel, services_.tasks, &tasks::Tasks::Stub::PrepareAsyncKill, kill,
       kKillDeadline, [self, id, rest](Result<Empty> answer) {
         if (!answer && answer.error().code == Code::NotFound) {
           // No task, or one whose program has ended already: deleting finds out.
           return self->clear_task(id, true, rest);
         }
         if (!answer && answer.error().code == Code::Unavailable) return rest(fail(answer.error()));
         self->clear_task(id, false, rest);
       });
}

void PodLife::clear_task(const std::string& id, bool ended,
                         std::function<void(Result<void>)> done) {
  auto self = shared_from_this();
  if (!ended) {
    tasks::WaitRequest wait;
    wait.set_container_id(id);
    // A task is deleted only after it has stopped.
    return call(services_.channel, services_.tasks, &tasks::Tasks::Stub::PrepareAsyncWait, wait,
                kKillDeadline, [self, id, done](Result<tasks::WaitResponse>) {
                  self->clear_task(id, true, done);
                });
  }
  tasks::DeleteTaskRequest request;
  request.set_container_id(id);
  call(services_.channel, services_.tasks, &tasks::Tasks::Stub::PrepareAsyncDelete, request,
       kTaskDeadline,
       [done](Result<tasks::DeleteResponse> answer) { done(unless_gone(answer, "delete task")); });
}

// containerd knows no task by now, so what is left of one it has forgotten.
void PodLife::clear_bundle(const std::string& id, std::function<void(Result<void>)> done) {
  std::string cgroups_path;
  for (const Container& container : containers_) {
    if (container.id == id) cgroups_path = container.cgroups_path;
  }
  auto result = std::make_shared<Result<void>>();
  services_.offload(
      [bundle = bundle_of(id), name_space = services_.config.name_space, id, cgroups_path, result,
       cgroups = services_.cgroups] {
        *result = remove_stale_bundle(bundle, name_space, id, *cgroups, cgroups_path);
      },
      [result, done] { done(*result); });
}

void PodLife::clear_rest(const std::string& id, std::function<void(Result<void>)> done) {
  auto self = shared_from_this();
  api::DeleteContainerRequest request;
  request.set_id(id);
  call(services_.channel, services_.containers, &api::Containers::Stub::PrepareAsyncDelete, request,
       kMetadataDeadline, [self, id, done](Result<Empty> answer) {
         if (auto gone = unless_gone(answer, "delete container"); !gone) return done(gone);
         api::RemoveSnapshotRequest remove;
         remove.set_snapshotter(self->services_.config.snapshotter);
         remove.set_key(id);
         call(self->services_.channel, self->services_.snapshots,
              &api::Snapshots::Stub::PrepareAsyncRemove, remove, kMetadataDeadline,
              [done](Result<Empty> removed) { done(unless_gone(removed, "remove snapshot")); });
       });
}

void PodLife::removed() {
  if (std::exchange(state_, State::Removed) == State::Removed) return;
  leave_prepares();
  auto self = shared_from_this();
  services_.forget(pod_.id);
  services_.listener.on_removed(pod_.id);
}

}  // namespace gantry::containerd
