#pragma once

// The clients that watch runs. A change is told once a turn with the newest state; a client that is
// slow misses the states between, never the last one. Loop thread.

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "api/backend.h"
#include "daemon/daemon.h"

namespace gantry {

class Watchers : public RunObserver {
 public:
  explicit Watchers(Daemon& daemon) : daemon_(daemon) {}
  ~Watchers() override;

  /// Sends what there is now as ADDED, then every change, until the client goes. `query.name` is a
  /// name or empty.
  void add(api::WatchQuery query, api::StreamPtr stream);
  /// Whether somebody has been told of the run.
  [[nodiscard]] bool know(const std::string& uid) const;
  /// `object` is the last state of a run that was deleted; of one that nobody knows it may be null.
  void run_deleted(const std::string& uid, const api::Json& object);

  void run_changed(const std::string& uid) override { changed_.insert(uid); }
  void turn_ended() override;

 private:
  struct Watcher {
    api::WatchQuery query;
    api::StreamPtr stream;
    std::set<std::string> known;  ///< uids that the client has been told of
    std::set<std::string> late;   ///< uids that changed while the client was behind
    std::string page;             ///< where the list of what there was goes on
    bool listing = true;          ///< not all that there was has been sent
    bool asking = false;          ///< a page is on its way
  };
  using WatcherPtr = std::shared_ptr<Watcher>;

  void list(const WatcherPtr& watcher);
  void listed(const WatcherPtr& watcher, Result<Store::Page> page);
  void drained(const WatcherPtr& watcher);
  void tell(Watcher& watcher, const std::string& uid, const api::Json& object);
  void remove(const Watcher* watcher);

  Daemon& daemon_;
  std::vector<WatcherPtr> watchers_;
  std::set<std::string> changed_;
};

}  // namespace gantry
