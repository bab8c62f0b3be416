#pragma once

// The store: SQLite (WAL) on a thread of its own. The loop hands over batches; what was queued
// while a transaction synced goes into the next one, so that one sync serves many.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/backend.h"
#include "base/error.h"
#include "base/executor.h"
#include "daemon/engine/run.h"

namespace gantry {

/// One transaction's worth of changes; every text is final, so that the store thread touches
/// nothing of the loop's.
struct StoreBatch {
  struct RunRow {
    bool created = false;  ///< insert with `info`; else update the status only
    engine::RunInfo info;  ///< uid always; the rest only when created
    engine::RunStatus status;
  };
  struct NodeRow {
    std::string run_uid;
    std::string node_id;
    std::string json;  ///< node_json()
  };
  std::vector<RunRow> runs;
  std::vector<NodeRow> nodes;
  std::vector<std::string> deleted_runs;  ///< uids
  [[nodiscard]] bool empty() const { return runs.empty() && nodes.empty() && deleted_runs.empty(); }
};

/// A run as it was stored.
struct StoredRun {
  engine::RunInfo info;
  engine::RunStatus status;
  std::vector<engine::Node> nodes;  ///< in order of creation; empty when not asked for
  std::string damage;  ///< why not all of its nodes could be read; empty: they are all there
};

class Store {
 public:
  /// Opens or creates `path`. Fails when the file is corrupt or of a newer schema (both are left as
  /// they are).
  static Result<std::unique_ptr<Store>> open(const std::string& path, Executor& executor);
  ~Store();  ///< commits what is queued, joins the thread

  // All callbacks arrive on the loop thread, in the order of the calls. Loop thread only.

  /// Queues a batch. `done` is called once it is durable, or with what went wrong.
  void write(StoreBatch batch, std::function<void(Result<void>)> done);

  using Runs = std::function<void(Result<std::vector<StoredRun>>)>;
  /// The runs that are not over, with their nodes.
  void load_unfinished(Runs done);
  /// One run by uid, or by namespace and name (names are unique), with its nodes; empty when there
  /// is none.
  void load(const std::string& uid, Runs done);
  void load(const std::string& name_space, const std::string& name, Runs done);
  /// Runs that match, newest first, at most query.limit after query.continue_token; nodes only with
  /// query.with_nodes. `remaining` stays 0 where it would cost reading the labels of every run, as
  /// in Kubernetes. A token that is none is InvalidArgument.
  struct Page {
    std::vector<StoredRun> runs;
    std::string continue_token;
    std::size_t remaining = 0;
  };
  void list(api::ListQuery query, std::function<void(Result<Page>)> done);
  /// The uids of all stored runs: what else lies about belongs to nobody.
  void load_uids(std::function<void(Result<std::vector<std::string>>)> done);

  void put_object(api::ObjectKind kind, api::Object object, bool replace,
                  std::function<void(Result<void>)> done);
  void load_objects(api::ObjectKind kind,
                    std::function<void(Result<std::vector<api::Object>>)> done);
  void remove_object(api::ObjectKind kind, const std::string& name_space, const std::string& name,
                     std::function<void(Result<void>)> done);

 private:
  Store();
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace gantry
