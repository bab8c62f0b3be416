#pragma once

// A store in memory or in a file, asked as if it answered at once.

#include <gmock/gmock.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "daemon/store.h"
#include "tests/unit/daemon/queue_executor.h"

namespace gantry {

class StoreAccess {
 public:
  explicit StoreAccess(std::string path, std::string vfs = "") : path_(std::move(path)), vfs_(std::move(vfs)) {}

  Result<void> open() {
    close();
    auto store = Store::open(path_, executor, {.vfs = vfs_});
    if (!store) return fail(store.error());
    store_ = std::move(*store);
    return {};
  }
  void close() {
    store_.reset();
    executor.drain();
  }

  template <class T, class Start>
  Result<T> await(Start start) {
    std::optional<Result<T>> answer;
    start([&](Result<T> result) { answer = std::move(result); });
    executor.run_until([&] { return answer.has_value(); });
    return *answer;
  }
  Result<void> write(StoreBatch batch) {
    return await<void>([&](auto done) { store_->write(std::make_shared<const StoreBatch>(std::move(batch)), done); });
  }
  Result<Store::Page> list(api::ListQuery query) {
    return await<Store::Page>([&](auto done) { store_->list(query, done); });
  }
  std::vector<std::string> names(const api::ListQuery& query) {
    std::vector<std::string> names;
    const auto page = list(query);
    if (!page) return {page.error().message};
    for (const StoredRun& run : page->runs) names.push_back(run.info.name);
    return names;
  }
  Result<std::vector<StoredRun>> load(const std::string& uid) {
    return await<std::vector<StoredRun>>([&](auto done) { store_->load(uid, done); });
  }
  Result<std::vector<StoredRun>> unfinished() {
    return await<std::vector<StoredRun>>([&](auto done) { store_->load_unfinished(done); });
  }
  Store& store() { return *store_; }

  QueueExecutor executor;

 private:
  std::string path_, vfs_;
  std::unique_ptr<Store> store_;
};

/// A row of a new run; `created` in seconds.
inline StoreBatch::RunRow new_run(const std::string& name, int created,
                                  engine::RunPhase phase = engine::RunPhase::Running,
                                  std::map<std::string, std::string> labels = {}) {
  StoreBatch::RunRow row;
  row.created = true;
  row.info = {.uid = "uid-" + name,
              .name_space = "argo",
              .name = name,
              .labels = std::move(labels),
              .spec_json = R"({"entrypoint":"main"})",
              .created = Time(std::chrono::seconds(created))};
  row.status = {.phase = phase, .started = Time(std::chrono::seconds(created + 1))};
  if (engine::is_ended(phase)) row.status.finished = Time(std::chrono::seconds(created + 10));
  return row;
}

}  // namespace gantry
