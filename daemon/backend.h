#pragma once

// What the API asks of the daemon. One class, a file for each family of calls: backend_create.cc,
// backend_submit.cc, backend_workflows.cc, backend_command.cc, backend_rerun.cc, backend_resources.cc,
// backend_events.cc, backend_admin.cc, backend_objects.cc, backend_images.cc. Loop thread.

#include <deque>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "api/backend.h"
#include "daemon/cron_driver.h"
#include "daemon/daemon.h"
#include "daemon/expiry.h"
#include "daemon/history.h"
#include "daemon/log_streams.h"
#include "daemon/resource_document.h"
#include "daemon/watchers.h"
#include "workflow/parse.h"

namespace gantry {

struct Triggered;
class AuditLog;

namespace containerd {
class Images;
struct ImageInfo;
}  // namespace containerd

class DaemonBackend final : public api::Backend {
 public:
  struct Settings {
    std::string spool_directory;
    api::Json version;  ///< what version() answers
    Ttl ttl;            ///< for workflows without a ttlStrategy
    HistoryLimits history;
    AuditLog* audit = nullptr;  ///< outlives the backend; null: there is none
    std::int64_t leave_free = 0;  ///< bytes on the spool's disk that a backup must leave
  };

  /// Everything outlives the backend; `images` may be null: their calls then fail with Unavailable.
  DaemonBackend(Daemon& daemon, containerd::Images* images, LogStreams::Watch watch,
                Settings settings);

  /// Takes up what clocks do: CronWorkflows and times to live. After Daemon::recover().
  void start();

  void create(api::CreateRequest request, api::Reply<std::vector<api::Json>> reply) override;
  void lint(api::CreateRequest request, api::Reply<std::vector<api::Json>> reply) override;
  void get(const std::string& name_space, const std::string& name, api::NodePage nodes,
           api::Reply<api::Document> reply) override;
  void list(api::ListQuery query, api::Reply<api::ListPage> reply) override;
  void remove(const std::string& name_space, const std::string& name,
              api::Reply<api::Json> reply) override;
  void command(const std::string& name_space, const std::string& name, api::Command command,
               api::Reply<api::Document> reply) override;
  void submit(api::SubmitRequest request, api::Reply<api::Json> reply) override;
  void watch(api::WatchQuery query, api::StreamPtr stream) override;
  void logs(api::LogQuery query, api::StreamPtr stream) override;

  void artifact(api::ArtifactQuery query, api::Reply<std::shared_ptr<api::ArtifactFile>> reply) override;

  void put_object(api::ObjectKind kind, api::Object object, bool replace,
                  api::Reply<api::Object> reply) override;
  void edit_config_map(const std::string& name_space, const std::string& name, Edit edit,
                       api::Reply<api::Object> reply) override;
  void list_objects(api::ObjectKind kind, const std::string& name_space,
                    api::Reply<std::vector<api::Object>> reply) override;
  void remove_object(api::ObjectKind kind, const std::string& name_space, const std::string& name,
                     api::Reply<api::Json> reply) override;

  void create_resources(api::ResourceRequest request,
                        api::Reply<std::vector<api::Json>> reply) override;
  void update_resources(api::ResourceRequest request,
                        api::Reply<std::vector<api::Json>> reply) override;
  void lint_resources(api::ResourceRequest request,
                      api::Reply<std::vector<api::Json>> reply) override;
  void get_resource(api::ResourceKind kind, const std::string& name_space, const std::string& name,
                    api::Reply<api::Json> reply) override;
  void list_resources(api::ResourceKind kind, api::ListQuery query,
                      api::Reply<api::ListPage> reply) override;
  void remove_resource(api::ResourceKind kind, const std::string& name_space,
                       const std::string& name, api::Reply<api::Json> reply) override;
  void suspend_cron(const std::string& name_space, const std::string& name, bool suspend,
                    api::Reply<api::Json> reply) override;
  void dispatch_event(api::Event event, api::Reply<api::Json> reply) override;

  void import_image(const std::string& file, api::StreamPtr stream) override;
  void pull_image(const std::string& reference, api::StreamPtr stream) override;
  void list_images(api::Reply<std::vector<api::Json>> reply) override;
  void remove_image(const std::string& name, api::Reply<api::Json> reply) override;

  api::Json status() override;
  std::string health() override;
  void drain(api::DrainMode mode, const api::Caller& caller, api::Reply<api::Json> reply) override;
  void resume(const api::Caller& caller, api::Reply<api::Json> reply) override;
  void check_store(api::StreamPtr stream) override;
  void backup(api::Reply<std::shared_ptr<api::ArtifactFile>> reply) override;
  void audit_log(std::size_t lines, api::Reply<std::vector<api::Json>> reply) override;
  void events(const std::string& name_space, const std::string& name,
              api::Reply<std::vector<api::Json>> reply) override;

  api::Json version() override { return settings_.version; }
  std::string spool_directory() override { return settings_.spool_directory; }

 private:
  void next_edit();

  /// The run whose nodes a memoized one begins with.
  struct Previous {
    std::string name;
    std::vector<engine::Node> nodes;
  };
  [[nodiscard]] std::vector<std::string> troubles() const;
  /// One workflow on its way from a document to the engine.
  struct Candidate {
    engine::RunInfo info;
    workflow::PlanPtr plan;
    RunOrigin origin;
    std::shared_ptr<const Previous> previous;  ///< null: it begins with nothing
    api::Caller caller;
  };
  using Candidates = std::vector<Candidate>;
  /// Called for each new run in the turn in which the store is given it.
  using Accepted = std::function<void(const engine::RunInfo&)>;
  void create(api::CreateRequest request, Accepted accepted,
               api::Reply<std::vector<api::Json>> reply,
               std::shared_ptr<const Previous> previous = nullptr);
  void compile(api::CreateRequest request, bool lint, api::Reply<Candidates> reply);
  void reserve(Candidates candidates, Accepted accepted, api::Reply<std::vector<api::Json>> reply);
  void submit(Candidates candidates, Accepted accepted, api::Reply<std::vector<api::Json>> reply);

  /// Resources on their way from a document to the store.
  using Documents = std::vector<ResourceDocument>;
  void read(api::ResourceRequest request,
            std::function<void(const api::ResourceRequest&, Result<Documents>)> reply);
  Result<Resource> new_resource(const api::ResourceRequest& request, ResourceDocument document);
  Result<Resource> changed_resource(const api::ResourceRequest& request,
                                    const ResourceDocument& document);
  struct Change {
    Resource resource;
    std::optional<std::int64_t> expected;  ///< resourceVersion
  };
  void put_resources(std::vector<Change> changes, bool replace,
                     api::Reply<std::vector<api::Json>> reply);

  void trigger(const std::string& name_space, const Triggered& triggered, const api::Caller& caller,
               std::function<void(const Error*)> done);

  /// Where a workflow is: in the engine, or only in the store.
  using Found = std::variant<const engine::Run*, StoredRun>;
  /// Finds by name or `@latest`. A pointer holds until the callback returns.
  void find(const std::string& name_space, const std::string& name,
            std::function<void(Result<Found>)> reply);
  static const engine::RunInfo& run_info_of(const Found& found);
  /// What artifactGC deletes with the workflow.
  [[nodiscard]] std::vector<engine::Artifact> artifacts_of_deleted(const Found& found) const;
  static workflow::RepositoryRef repository_of(const Found& found);
  void erase(const Found& found, std::function<void(Result<void>)> done);
  /// A clock's wish: deletes the run; with `only_if_over` unless it runs (again). `done` in any case.
  void erase_by_clock(const std::string& uid, bool only_if_over, const std::function<void()>& done = [] {});
  void terminate(const std::string& uid);
  void remove_logs(const std::string& uid);
  void read_artifact(const Found& found, const api::ArtifactQuery& query,
                     api::Reply<std::shared_ptr<api::ArtifactFile>> reply);
  static std::string said_by(const api::Command& command);
  Result<engine::Output> act(const engine::Run& run, const api::Command& command);
  void resubmit(const Found& found, api::Command command, api::Reply<api::Document> reply);
  struct Retry;
  void retry(const Found& found, api::Command command, api::Reply<api::Document> reply);
  void go_on(Retry& retry);
  void end_retry(Retry& retry, Result<api::Document> answer);
  void remove_directories(std::vector<std::string> directories);

  Daemon& daemon_;
  containerd::Images* images_;
  Settings settings_;
  Watchers watchers_;
  LogStreams logs_;
  CronDriver cron_;
  Expiry expiry_;
  History history_;
  /// Namespaces and names of workflows whose names the store is being asked about.
  std::set<std::pair<std::string, std::string>> reserved_;
  std::deque<std::function<void()>> edits_;  ///< of ConfigMaps; the first is under way
  std::set<std::string> retrying_;  ///< uids of runs that are on their way back into the engine
};

/// How messages name a caller: `uid:1000`, or gantryd itself (a clock).
std::string user_of(const api::Caller& caller);

/// `workflows.argoproj.io "x" not found`.
Error workflow_not_found(const std::string& name);

}  // namespace gantry
