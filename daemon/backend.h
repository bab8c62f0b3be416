#pragma once

// What the API asks of the daemon. One class, a file for each family of calls: backend_create.cc,
// backend_workflows.cc, backend_objects.cc, backend_images.cc. Loop thread.

#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "api/backend.h"
#include "daemon/daemon.h"
#include "daemon/log_streams.h"
#include "daemon/watchers.h"
#include "workflow/parse.h"

namespace gantry {

namespace containerd {
class Images;
struct ImageInfo;
}  // namespace containerd

class DaemonBackend final : public api::Backend {
 public:
  struct Settings {
    std::string spool_directory;
    api::Json version;  ///< what version() answers
  };

  /// Everything outlives the backend; `images` may be null: their calls then fail with Unavailable.
  DaemonBackend(Daemon& daemon, containerd::Images* images, LogStreams::Watch watch,
                Settings settings);

  void create(api::CreateRequest request, api::Reply<std::vector<api::Json>> reply) override;
  void lint(api::CreateRequest request, api::Reply<std::vector<api::Json>> reply) override;
  void get(const std::string& name_space, const std::string& name,
           api::Reply<api::Json> reply) override;
  void list(api::ListQuery query, api::Reply<api::ListPage> reply) override;
  void remove(const std::string& name_space, const std::string& name,
              api::Reply<api::Json> reply) override;
  void command(const std::string& name_space, const std::string& name, api::Verb verb,
               api::Reply<api::Json> reply) override;
  void watch(api::WatchQuery query, api::StreamPtr stream) override;
  void logs(api::LogQuery query, api::StreamPtr stream) override;

  void put_object(api::ObjectKind kind, api::Object object, bool replace,
                  api::Reply<api::Object> reply) override;
  void list_objects(api::ObjectKind kind, const std::string& name_space,
                    api::Reply<std::vector<api::Object>> reply) override;
  void remove_object(api::ObjectKind kind, const std::string& name_space, const std::string& name,
                     api::Reply<api::Json> reply) override;

  void import_image(const std::string& file, api::StreamPtr stream) override;
  void pull_image(const std::string& reference, api::StreamPtr stream) override;
  void list_images(api::Reply<std::vector<api::Json>> reply) override;
  void remove_image(const std::string& name, api::Reply<api::Json> reply) override;

  api::Json version() override { return settings_.version; }
  std::string spool_directory() override { return settings_.spool_directory; }

 private:
  /// One workflow on its way from a document to the engine.
  struct Candidate {
    engine::RunInfo info;
    workflow::PlanPtr plan;
  };
  using Candidates = std::vector<Candidate>;
  void compile(api::CreateRequest request, bool strict, api::Reply<Candidates> reply);
  void reserve(Candidates candidates, api::Reply<std::vector<api::Json>> reply);
  void submit(Candidates candidates, api::Reply<std::vector<api::Json>> reply);

  /// Where a workflow is: in the engine, or only in the store.
  using Found = std::variant<const engine::Run*, StoredRun>;
  /// Finds by name or `@latest`. A pointer holds until the callback returns.
  void find(const std::string& name_space, const std::string& name,
            std::function<void(Result<Found>)> reply);
  void remove_logs(const std::string& uid);

  Daemon& daemon_;
  containerd::Images* images_;
  Settings settings_;
  Watchers watchers_;
  LogStreams logs_;
  /// Namespaces and names of workflows whose names the store is being asked about.
  std::set<std::pair<std::string, std::string>> reserved_;
};

/// `workflows.argoproj.io "x" not found`.
Error workflow_not_found(const std::string& name);

}  // namespace gantry
