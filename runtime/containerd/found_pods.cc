#include "runtime/containerd/found_pods.h"

#include <memory>
#include <utility>

#include "runtime/containerd/pod_life.h"

namespace gantry::containerd {
namespace {

namespace tasks = api::tasks;

/// Handed from one question to the next.
struct Search {
  Search(Services& all, std::function<void(Result<std::vector<runtime::FoundPod>>)> then)
      : services(all), alive(all.alive()), done(std::move(then)) {}

  template <class Labels>
  runtime::FoundPod* take(const Labels& labels) {
    const auto label = labels.find(kPodLabel);
    if (label == labels.end()) return nullptr;
    runtime::FoundPod& pod = pods[label->second];
    pod.id = label->second;
    for (const auto& [key, value] : labels) pod.labels.emplace(key, value);
    return &pod;
  }

  Services& services;
  const std::shared_ptr<const bool> alive;
  std::function<void(Result<std::vector<runtime::FoundPod>>)> done;
  std::map<std::string, runtime::FoundPod> pods;
  std::map<std::string, runtime::FoundPod*> of_container;
};

void find_tasks(const std::shared_ptr<Search>& search) {
  call(search->services.channel, search->services.tasks, &tasks::Tasks::Stub::PrepareAsyncList,
       tasks::ListTasksRequest(), kMetadataDeadline, [search](Result<tasks::ListTasksResponse> answer) {
         if (!*search->alive) return;
         if (!answer) return search->done(fail(answer.error().wrap("list tasks")));
         for (const auto& task : answer->tasks()) {
           const auto pod = search->of_container.find(task.id());
           if (pod == search->of_container.end() || task.status() == ::containerd::v1::types::CREATED) continue;
           pod->second->started = true;
         }
         std::vector<runtime::FoundPod> pods;
         for (auto& [id, pod] : search->pods) pods.push_back(std::move(pod));
         search->done(std::move(pods));
       });
}

}  // namespace

void find_pods(Services& services, std::function<void(Result<std::vector<runtime::FoundPod>>)> done) {
  auto search = std::make_shared<Search>(services, std::move(done));
  api::ListContainersRequest request;
  request.add_filters(std::string("labels.\"") + kPodLabel + "\"");
  call(services.channel, services.containers, &api::Containers::Stub::PrepareAsyncList, request, kMetadataDeadline,
       [search](Result<api::ListContainersResponse> containers) {
         if (!*search->alive) return;
         if (!containers) return search->done(fail(containers.error().wrap("list containers")));
         for (const auto& container : containers->containers()) {
           if (auto* pod = search->take(container.labels())) search->of_container[container.id()] = pod;
         }
         find_snapshots(search->services, "", [search](Result<std::vector<FoundSnapshot>> snapshots) {
           if (!*search->alive) return;
           if (!snapshots) return search->done(fail(std::move(snapshots.error())));
           for (const FoundSnapshot& snapshot : *snapshots) search->take(snapshot.labels);
           find_tasks(search);
         });
       });
}

void find_snapshots(Services& services, const std::string& pod,
                    std::function<void(Result<std::vector<FoundSnapshot>>)> done) {
  api::ListSnapshotsRequest request;
  request.set_snapshotter(services.config.snapshotter);
  request.add_filters(std::string("labels.\"") + kPodLabel + "\"" + (pod.empty() ? "" : "==\"" + pod + "\""));
  auto found = std::make_shared<std::vector<FoundSnapshot>>();
  stream(
      services.channel, services.snapshots, &api::Snapshots::Stub::PrepareAsyncList, request, kMetadataDeadline,
      [found](const api::ListSnapshotsResponse& part) {
        for (const auto& info : part.info()) {
          found->push_back({info.name(), {info.labels().begin(), info.labels().end()}});
        }
      },
      [found, done = std::move(done)](const Result<void>& end) {
        if (!end) return done(fail(end.error().wrap("list snapshots")));
        done(std::move(*found));
      });
}

}  // namespace gantry::containerd
