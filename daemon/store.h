#pragma once

// The store: SQLite (WAL) on a thread of its own. The loop hands over batches; what was queued
// while a transaction synced goes into the next one, so that one sync serves many. What reads long
// (lists, histories) has a second thread and connection, what reads everything (checks, backups) a third:
// they hold no commit up, nor the one the other.
//
// An error of the disk fails what was asked, closes the connection, and the next call opens it again:
// no descriptor is used after a sync on it has failed. What was acknowledged stays; what was not may
// be there or not.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/backend.h"
#include "base/error.h"
#include "base/executor.h"
#include "base/shared_text.h"
#include "base/unique_fd.h"
#include "daemon/engine/engine.h"
#include "daemon/resource.h"
#include "daemon/store_worker.h"

namespace gantry {

/// What a run was made of besides its own spec; texts of JSON, "" where there is nothing.
struct RunOrigin {
  std::string
      templates;    ///< the templates it was compiled with, by "namespaced/NAME" or "cluster/NAME"
  std::string ttl;  ///< its effective ttlStrategy
};

/// One transaction's worth of changes; every text is final, so that the store thread touches
/// nothing of the loop's.
struct StoreBatch {
  struct RunRow {
    bool created = false;      ///< insert with `info`; else update the status only
    bool respecified = false;  ///< update spec_json too
    engine::RunInfo info;      ///< uid always; spec_json when respecified; the rest when created
    engine::RunStatus status;
    RunOrigin origin;  ///< only when created
  };
  struct NodeRow {
    SharedText run_uid;
    SharedText node_id;
    std::string json;  ///< node_json()
  };
  struct NodeKey {
    std::string run_uid;
    std::string node_id;
  };
  struct EventRow {
    std::string run_uid;
    Time at{};
    std::string node_id;  ///< "": of the run
    std::string reason;   ///< one word, as Kubernetes' events have it: "Submitted"
    std::string message;
  };
  std::vector<RunRow> runs;
  std::vector<EventRow> events;  ///< after `runs`, before the nodes change
  std::vector<NodeKey> deleted_nodes;  ///< before `nodes`, which may hold new ones of these ids
  std::vector<NodeRow> nodes;
  std::vector<std::string> deleted_runs;  ///< uids
  std::vector<ResourceStatus> statuses;
  std::vector<engine::Memo> memos;
  [[nodiscard]] bool empty() const {
    return runs.empty() && events.empty() && deleted_nodes.empty() && nodes.empty() && deleted_runs.empty() &&
           statuses.empty() && memos.empty();
  }
};

/// A run as it was stored.
struct StoredRun {
  engine::RunInfo info;
  engine::RunStatus status;
  std::vector<engine::Node> nodes;  ///< in order of creation; empty when not asked for
  RunOrigin origin;
  std::string damage;  ///< why not all of its nodes could be read; empty: they are all there
};

/// One thing that happened to a run, with the node that it happened to ("": the run itself).
struct RunEvent {
  Time at{};
  std::string node_id, node_name;  ///< the name is "" of a node that is no more
  std::string reason, message;
};

/// How much of the past is kept; 0: without end. What runs is kept in any case.
struct HistoryLimits {
  Duration max_age{};              ///< since the end of a run
  std::int64_t max_workflows = 0;  ///< that are over
  std::int64_t max_size = 0;       ///< bytes of the store
};

/// What a check of the whole store found.
struct StoreReport {
  std::vector<std::string> problems;  ///< empty: it is sound
  bool more = false;                  ///< there are more problems than are listed
  std::int64_t runs = 0, nodes = 0, bytes = 0;
  std::int64_t older_schema = 0;  ///< not 0: of this schema, whose runs were not looked at
};

/// What clocks need to know of every stored run.
struct RunSummary {
  std::string uid, name_space, name;
  engine::RunPhase phase = engine::RunPhase::Pending;
  std::optional<Time> finished;
  std::string ttl;
  std::string cron;  ///< label workflows.argoproj.io/cron-workflow
};

class Store {
 public:
  /// Opens or creates `path`. Fails when the file is corrupt or of a newer schema (both are left as
  /// they are).
  struct Options {
    std::string vfs;  ///< name of the sqlite3_vfs that has `path`; "": files, made with mode 0600
    MakeStoreWorker worker = {};  ///< none: threads
  };
  static Result<std::unique_ptr<Store>> open(const std::string& path, Executor& executor,
                                             Options options);
  static Result<std::unique_ptr<Store>> open(const std::string& path, Executor& executor);
  ~Store();  ///< commits what is queued, joins the threads

  // All callbacks arrive on the loop thread; those of calls that are not said to be asked aside in the
  // order of the calls. Loop thread only.

  /// Queues a batch, which nobody changes any more. `done` is called once it is durable, or with what went wrong.
  void write(std::shared_ptr<const StoreBatch> batch, std::function<void(Result<void>)> done);

  using Runs = std::function<void(Result<std::vector<StoredRun>>)>;
  /// The runs that are not over, with their nodes.
  void load_unfinished(Runs done);
  /// One run by uid, or by namespace and name (names are unique), with its nodes; empty when there
  /// is none.
  void load(const std::string& uid, Runs done);
  void load(const std::string& name_space, const std::string& name, Runs done);
  /// Runs that match, newest first, at most query.limit after query.continue_token; nodes only with
  /// query.with_nodes. `remaining` stays 0 where it would cost reading the labels of every run, as
  /// in Kubernetes. A token that is none is InvalidArgument. With a limit, a page may end before it is
  /// full, and even be empty: the token tells whether there may be more. Asked aside.
  struct Page {
    std::vector<StoredRun> runs;
    std::string continue_token;
    std::size_t remaining = 0;
  };
  void list(api::ListQuery query, std::function<void(Result<Page>)> done);
  /// Those of `uids` that no stored run has: what lies about of them belongs to nobody.
  void load_missing(std::vector<std::string> uids,
                    std::function<void(Result<std::vector<std::string>>)> done);

  /// What happened to a run, oldest first; nothing of a run that is not there. Asked aside.
  void load_events(const std::string& uid, std::function<void(Result<std::vector<RunEvent>>)> done);

  /// Reads everything and says what is wrong. Asked aside; Cancelled when the store closes meanwhile.
  void check(std::function<void(Result<StoreReport>)> done);
  /// The file was too large to be read through before it was opened: somebody should check_pages().
  [[nodiscard]] bool is_large() const { return large_; }
  /// DataLoss when pages of the file are damaged. Asked aside.
  void check_pages(std::function<void(Result<void>)> done);
  /// A copy of all that was queued before, in a new file with mode 0600, synced; ResourceExhausted when
  /// that would leave less than `leave_free` bytes on its disk. Asked aside.
  void backup(const std::string& path, std::int64_t leave_free, std::function<void(Result<UniqueFd>)> done);

  /// The memoization caches.
  void load_memos(std::function<void(Result<std::vector<engine::Memo>>)> done);

  /// Runs that a clock cares for: not over, of a CronWorkflow, or with a ttlStrategy of their own;
  /// with `all` every one.
  void load_summaries(bool all, std::function<void(Result<std::vector<RunSummary>>)> done);
  /// Uids of runs that are over and that `limits` have no room for, oldest end first, at most `most`.
  /// Asked aside.
  void load_surplus(HistoryLimits limits, Time now, std::size_t most,
                    std::function<void(Result<std::vector<std::string>>)> done);

  /// The stored resources, in order of kind, namespace and name, and the newest version given.
  struct Resources {
    std::vector<Resource> resources;
    std::int64_t version = 0;
  };
  void load_resources(std::function<void(Result<Resources>)> done);
  /// Inserts (AlreadyExists), or with `replace` changes everything but status (NotFound; Aborted
  /// when `expected` is not the stored version).
  void put_resource(Resource resource, bool replace, std::optional<std::int64_t> expected,
                    std::function<void(Result<void>)> done);
  void remove_resource(api::ResourceKind kind, const std::string& name_space,
                       const std::string& name, std::int64_t version,
                       std::function<void(Result<void>)> done);

  void put_object(api::ObjectKind kind, api::Object object, bool replace,
                  std::function<void(Result<void>)> done);
  void load_objects(api::ObjectKind kind,
                    std::function<void(Result<std::vector<api::Object>>)> done);
  void remove_object(api::ObjectKind kind, const std::string& name_space, const std::string& name,
                     std::function<void(Result<void>)> done);

 private:
  Store();
  class Impl;
  bool large_ = false;
  std::unique_ptr<Impl> impl_;
};

}  // namespace gantry
