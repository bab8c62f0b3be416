#include "tests/support/fake_containerd.h"

#include <grpcpp/grpcpp.h>

#include <condition_variable>
#include <mutex>
#include <nlohmann/json.hpp>
#include <random>
#include <set>
#include <thread>

#include "github.com/containerd/containerd/api/services/containers/v1/containers.grpc.pb.h"
#include "github.com/containerd/containerd/api/services/content/v1/content.grpc.pb.h"
#include "github.com/containerd/containerd/api/services/events/v1/events.grpc.pb.h"
#include "github.com/containerd/containerd/api/services/images/v1/images.grpc.pb.h"
#include "github.com/containerd/containerd/api/services/snapshots/v1/snapshots.grpc.pb.h"
#include "github.com/containerd/containerd/api/services/tasks/v1/tasks.grpc.pb.h"
#include "github.com/containerd/containerd/api/services/version/v1/version.grpc.pb.h"
#include "tests/support/image_builder.h"

namespace gantry::testing {
namespace {

namespace services = ::containerd::services;
namespace tasks = services::tasks::v1;
namespace containers = services::containers::v1;
namespace snapshots = services::snapshots::v1;
using google::protobuf::Empty;
using grpc::ServerContext;
using Answer = grpc::Status;
using grpc::StatusCode;
using Clock = std::chrono::steady_clock;

constexpr int kKilled = 128;
// Of a hundred calls of a container.
constexpr int kLostBefore = 6, kLostAfter = 6, kLate = 40;
constexpr int kLatest = 3000;  ///< microseconds

const Answer kGone(StatusCode::NOT_FOUND, "not found");
const Answer kLost(StatusCode::UNAVAILABLE, "error reading from server: EOF");

google::protobuf::Timestamp timestamp() {
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  google::protobuf::Timestamp at;
  at.set_seconds(std::chrono::duration_cast<std::chrono::seconds>(since).count());
  at.set_nanos(static_cast<int>(std::chrono::duration_cast<std::chrono::nanoseconds>(since).count() % 1000000000));
  return at;
}

/// The two forms of filters that the runtime uses: labels."KEY" and labels."KEY"=="VALUE".
template <class Labels, class Filters>
bool matches(const Labels& labels, const Filters& filters) {
  for (const std::string& filter : filters) {
    const auto begin = filter.find('"') + 1, end = filter.find('"', begin);
    const auto label = labels.find(filter.substr(begin, end - begin));
    if (label == labels.end()) continue;
    const auto value = filter.find("==\"", end);
    if (value == std::string::npos || label->second + "\"" == filter.substr(value + 3)) return true;
  }
  return filters.empty();
}

struct Task {
  ::containerd::v1::types::Status status = ::containerd::v1::types::CREATED;
  Clock::time_point due = Clock::time_point::max();
  int exit_code = 0;
  google::protobuf::Timestamp ended;
};

}  // namespace

struct FakeContainerd::Impl : tasks::Tasks::Service,
                              containers::Containers::Service,
                              snapshots::Snapshots::Service,
                              services::images::v1::Images::Service,
                              services::content::v1::Content::Service,
                              services::events::v1::Events::Service,
                              services::version::v1::Version::Service {
  const std::uint64_t seed;
  const std::string image;
  OciImage content;

  mutable std::mutex mutex;  // guards all that follows
  std::condition_variable changed;
  std::map<std::string, std::mt19937_64> dice;
  std::map<std::string, Script> scripts;
  std::map<std::string, Task> task_of;
  std::map<std::string, containers::Container> container_of;
  std::map<std::string, snapshots::Info> snapshot_of;
  std::map<std::string, int> started;
  int connection = 0;
  int calls = 0;
  bool stopping = false;
  std::unique_ptr<grpc::Server> server;
  std::thread clock;

  Impl(const std::string& socket, std::string image_in, std::uint64_t seed_in)
      : seed(seed_in), image(std::move(image_in)) {
    TestImage made;
    made.layers.push_back(make_tar({{"etc/hostname", "fake\n"}}));
    content = oci_image(made);
    grpc::ServerBuilder builder;
    builder.AddListeningPort("unix://" + socket, grpc::InsecureServerCredentials());
    builder.RegisterService(static_cast<tasks::Tasks::Service*>(this));
    builder.RegisterService(static_cast<containers::Containers::Service*>(this));
    builder.RegisterService(static_cast<snapshots::Snapshots::Service*>(this));
    builder.RegisterService(static_cast<services::images::v1::Images::Service*>(this));
    builder.RegisterService(static_cast<services::content::v1::Content::Service*>(this));
    builder.RegisterService(static_cast<services::events::v1::Events::Service*>(this));
    builder.RegisterService(static_cast<services::version::v1::Version::Service*>(this));
    server = builder.BuildAndStart();
    clock = std::thread([this] { end_what_is_due(); });
  }

  void stop() {
    {
      std::lock_guard lock(mutex);
      stopping = true;
    }
    changed.notify_all();
    server->Shutdown(std::chrono::system_clock::now());
    clock.join();
  }

  void end_what_is_due() {
    std::unique_lock lock(mutex);
    while (!stopping) {
      auto next = Clock::now() + std::chrono::seconds(1);
      for (auto it = task_of.begin(); it != task_of.end();) {
        auto& [id, task] = *it;
        if (task.due > Clock::now()) {
          next = std::min(next, task.due);
          ++it;
        } else if (scripts[id].vanishes) {
          it = task_of.erase(it);
          changed.notify_all();
        } else {
          end(task, scripts[id].exit_code);
          ++it;
        }
      }
      changed.wait_until(lock, next);
    }
  }

  void end(Task& task, int exit_code) {
    task.status = ::containerd::v1::types::STOPPED;
    task.exit_code = exit_code;
    task.ended = timestamp();
    task.due = Clock::time_point::max();
    changed.notify_all();
  }

  /// Carries out `what`, under the lock, with what goes wrong on the way to it and back.
  template <class What>
  Answer faulty(const std::string& id, What what) {
    std::unique_lock lock(mutex);
    ++calls;
    const Answer answer = faulty_locked(id, what, lock);
    --calls;
    changed.notify_all();
    return answer;
  }

  template <class What>
  Answer faulty_locked(const std::string& id, What what, std::unique_lock<std::mutex>& lock) {
    auto& die = dice.try_emplace(id, seed * 1000003 + std::hash<std::string>()(id)).first->second;
    const int roll = static_cast<int>(die() % 100);
    const bool late_before = die() % 100 < kLate, late_after = die() % 100 < kLate;
    const auto pause = std::chrono::microseconds(die() % kLatest);
    const auto be_late = [&](bool late) {
      if (!late) return;
      lock.unlock();
      std::this_thread::sleep_for(pause);
      lock.lock();
    };
    be_late(late_before);
    if (roll < kLostBefore) return kLost;
    const Answer status = what(lock);
    be_late(late_after);
    return roll < kLostBefore + kLostAfter ? kLost : status;
  }

  // ---- tasks ----

  Answer Create(ServerContext*, const tasks::CreateTaskRequest* request, tasks::CreateTaskResponse* answer) override {
    const std::string& id = request->container_id();
    return faulty(id, [&](auto&) -> Answer {
      if (!container_of.contains(id)) return kGone;
      if (!task_of.try_emplace(id).second) return {StatusCode::ALREADY_EXISTS, "task " + id + ": already exists"};
      answer->set_pid(1);
      return Answer::OK;
    });
  }

  Answer Start(ServerContext*, const tasks::StartRequest* request, tasks::StartResponse* answer) override {
    const std::string& id = request->container_id();
    return faulty(id, [&](auto&) -> Answer {
      const auto task = task_of.find(id);
      if (task == task_of.end()) return kGone;
      if (task->second.status != ::containerd::v1::types::CREATED) {
        return {StatusCode::FAILED_PRECONDITION, "cannot start a container that is not created"};
      }
      ++started[id];
      task->second.status = ::containerd::v1::types::RUNNING;
      if (!scripts[id].for_ever) task->second.due = Clock::now() + scripts[id].runs;
      changed.notify_all();
      answer->set_pid(1);
      return Answer::OK;
    });
  }

  Answer Wait(ServerContext* context, const tasks::WaitRequest* request, tasks::WaitResponse* answer) override {
    const std::string& id = request->container_id();
    return faulty(id, [&](auto& lock) -> Answer {
      if (!task_of.contains(id)) return kGone;
      const int mine = connection;
      for (;;) {
        const auto task = task_of.find(id);
        if (task == task_of.end()) return {StatusCode::UNKNOWN, "ttrpc: closed: unknown"};
        if (task->second.status == ::containerd::v1::types::STOPPED) {
          answer->set_exit_status(static_cast<std::uint32_t>(task->second.exit_code));
          *answer->mutable_exited_at() = task->second.ended;
          return Answer::OK;
        }
        if (connection != mine || stopping) return kLost;
        if (context->IsCancelled()) return Answer::CANCELLED;
        changed.wait_for(lock, std::chrono::milliseconds(100));
      }
    });
  }

  Answer Get(ServerContext*, const tasks::GetRequest* request, tasks::GetResponse* answer) override {
    const std::string& id = request->container_id();
    return faulty(id, [&](auto&) -> Answer {
      const auto task = task_of.find(id);
      if (task == task_of.end()) return kGone;
      auto& process = *answer->mutable_process();
      process.set_id(id);
      process.set_pid(1);
      process.set_status(task->second.status);
      process.set_exit_status(static_cast<std::uint32_t>(task->second.exit_code));
      *process.mutable_exited_at() = task->second.ended;
      return Answer::OK;
    });
  }

  Answer Kill(ServerContext*, const tasks::KillRequest* request, Empty*) override {
    const std::string& id = request->container_id();
    return faulty(id, [&](auto&) -> Answer {
      const auto task = task_of.find(id);
      if (task == task_of.end() || task->second.status == ::containerd::v1::types::STOPPED) return kGone;
      end(task->second, kKilled + static_cast<int>(request->signal()));
      return Answer::OK;
    });
  }

  Answer Delete(ServerContext*, const tasks::DeleteTaskRequest* request, tasks::DeleteResponse* answer) override {
    const std::string& id = request->container_id();
    return faulty(id, [&](auto&) -> Answer {
      const auto task = task_of.find(id);
      if (task == task_of.end()) return kGone;
      if (task->second.status == ::containerd::v1::types::RUNNING) {
        return {StatusCode::FAILED_PRECONDITION, "task must be stopped before deletion: running"};
      }
      answer->set_exit_status(static_cast<std::uint32_t>(task->second.exit_code));
      task_of.erase(task);
      changed.notify_all();
      return Answer::OK;
    });
  }

  Answer List(ServerContext*, const tasks::ListTasksRequest*, tasks::ListTasksResponse* answer) override {
    std::lock_guard lock(mutex);
    for (const auto& [id, task] : task_of) {
      auto& added = *answer->add_tasks();
      added.set_id(id);
      added.set_status(task.status);
    }
    return Answer::OK;
  }

  // ---- containers ----

  Answer Create(ServerContext*, const containers::CreateContainerRequest* request,
                containers::CreateContainerResponse* answer) override {
    const std::string& id = request->container().id();
    return faulty(id, [&](auto&) -> Answer {
      auto [at, fresh] = container_of.try_emplace(id, request->container());
      if (!fresh) return {StatusCode::ALREADY_EXISTS, "container " + id + ": already exists"};
      *at->second.mutable_created_at() = timestamp();
      *answer->mutable_container() = at->second;
      return Answer::OK;
    });
  }

  Answer Get(ServerContext*, const containers::GetContainerRequest* request,
             containers::GetContainerResponse* answer) override {
    return faulty(request->id(), [&](auto&) -> Answer {
      const auto container = container_of.find(request->id());
      if (container == container_of.end()) return kGone;
      *answer->mutable_container() = container->second;
      return Answer::OK;
    });
  }

  Answer List(ServerContext*, const containers::ListContainersRequest* request,
              containers::ListContainersResponse* answer) override {
    std::lock_guard lock(mutex);
    for (const auto& [id, container] : container_of) {
      if (matches(container.labels(), request->filters())) *answer->add_containers() = container;
    }
    return Answer::OK;
  }

  Answer Delete(ServerContext*, const containers::DeleteContainerRequest* request, Empty*) override {
    return faulty(request->id(),
                  [&](auto&) -> Answer { return container_of.erase(request->id()) ? Answer::OK : kGone; });
  }

  // ---- snapshots ----

  Answer Prepare(ServerContext*, const snapshots::PrepareSnapshotRequest* request,
                 snapshots::PrepareSnapshotResponse* answer) override {
    const std::string& key = request->key();
    return faulty(key, [&](auto&) -> Answer {
      auto [at, fresh] = snapshot_of.try_emplace(key);
      if (!fresh) return {StatusCode::ALREADY_EXISTS, "snapshot " + key + ": already exists"};
      at->second.set_name(key);
      at->second.set_kind(snapshots::ACTIVE);
      *at->second.mutable_labels() = request->labels();
      auto& mount = *answer->add_mounts();
      mount.set_type("bind");
      mount.set_source("/nonexistent");
      return Answer::OK;
    });
  }

  Answer Remove(ServerContext*, const snapshots::RemoveSnapshotRequest* request, Empty*) override {
    return faulty(request->key(),
                  [&](auto&) -> Answer { return snapshot_of.erase(request->key()) ? Answer::OK : kGone; });
  }

  /// The image's, which are there.
  Answer Stat(ServerContext*, const snapshots::StatSnapshotRequest* request,
              snapshots::StatSnapshotResponse* answer) override {
    answer->mutable_info()->set_name(request->key());
    answer->mutable_info()->set_kind(snapshots::COMMITTED);
    return Answer::OK;
  }

  Answer List(ServerContext*, const snapshots::ListSnapshotsRequest* request,
              grpc::ServerWriter<snapshots::ListSnapshotsResponse>* writer) override {
    snapshots::ListSnapshotsResponse answer;
    {
      std::lock_guard lock(mutex);
      for (const auto& [key, info] : snapshot_of) {
        if (matches(info.labels(), request->filters())) *answer.add_info() = info;
      }
    }
    writer->Write(answer);
    return Answer::OK;
  }

  // ---- the image ----

  Answer Get(ServerContext*, const services::images::v1::GetImageRequest* request,
             services::images::v1::GetImageResponse* answer) override {
    if (request->name() != image) return kGone;
    const auto descriptor = nlohmann::json::parse(content.descriptor);
    answer->mutable_image()->set_name(image);
    auto& target = *answer->mutable_image()->mutable_target();
    target.set_digest(descriptor["digest"]);
    target.set_media_type(descriptor["mediaType"]);
    target.set_size(descriptor["size"]);
    return Answer::OK;
  }

  Answer Read(ServerContext*, const services::content::v1::ReadContentRequest* request,
              grpc::ServerWriter<services::content::v1::ReadContentResponse>* writer) override {
    for (const TarEntry& blob : content.blobs) {
      if ("sha256:" + blob.name.substr(blob.name.rfind('/') + 1) != request->digest()) continue;
      services::content::v1::ReadContentResponse answer;
      answer.set_data(blob.data);
      writer->Write(answer);
      return Answer::OK;
    }
    return kGone;
  }

  // ---- the rest ----

  Answer Version(ServerContext*, const Empty*, services::version::v1::VersionResponse* answer) override {
    answer->set_version("1.6.0");
    return Answer::OK;
  }

  /// Tells nothing that is true: whoever believes in events is led astray.
  Answer Subscribe(ServerContext* context, const services::events::v1::SubscribeRequest*,
                   grpc::ServerWriter<services::events::v1::Envelope>* writer) override {
    std::unique_lock lock(mutex);
    const int mine = connection;
    while (connection == mine && !stopping && !context->IsCancelled()) {
      for (const auto& [id, task] : task_of) {
        for (const char* topic : {"/tasks/exit", "/tasks/oom", "/tasks/exit", "/tasks/start"}) {
          services::events::v1::Envelope event;
          event.set_namespace_("gantry");
          event.set_topic(topic);
          event.mutable_event()->set_value("{\"container_id\":\"" + id + "\",\"exit_status\":99}");
          writer->Write(event);
        }
      }
      changed.wait_for(lock, std::chrono::milliseconds(20));
    }
    return kLost;
  }
};

FakeContainerd::FakeContainerd(const std::string& socket, const std::string& image, std::uint64_t seed)
    : impl_(std::make_unique<Impl>(socket, image, seed)) {}

FakeContainerd::~FakeContainerd() { impl_->stop(); }

void FakeContainerd::script(const std::string& container, Script script) {
  std::lock_guard lock(impl_->mutex);
  impl_->scripts[container] = script;
}

void FakeContainerd::break_connections() {
  {
    std::lock_guard lock(impl_->mutex);
    ++impl_->connection;
  }
  impl_->changed.notify_all();
}

void FakeContainerd::await_idle() {
  std::unique_lock lock(impl_->mutex);
  impl_->changed.wait(lock, [&] { return impl_->calls == 0; });
}

std::map<std::string, int> FakeContainerd::starts() const {
  std::lock_guard lock(impl_->mutex);
  return impl_->started;
}

std::string FakeContainerd::left() const {
  std::lock_guard lock(impl_->mutex);
  std::string text;
  for (const auto& [id, task] : impl_->task_of) text += "task " + id + "\n";
  for (const auto& [id, container] : impl_->container_of) text += "container " + id + "\n";
  for (const auto& [key, snapshot] : impl_->snapshot_of) text += "snapshot " + key + "\n";
  return text;
}

}  // namespace gantry::testing
