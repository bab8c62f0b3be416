#pragma once

// Removes what belongs to no run any more: a daemon that is killed between two steps of a removal leaves the rest, and
// the next one sweeps it up. At the start and every few minutes, so that nothing gathers in a daemon that is never
// restarted either.
//
//   pods        containers, tasks, snapshots, mounts, network namespaces, files (Daemon::remove_strangers)
//   owners      claims, logs and cgroups of runs that are not stored
//
// What there is is listed before the store is asked whose it could be: a run is stored, or known to the engine, before
// anything of it is made. Loop thread.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "daemon/daemon.h"

namespace gantry {

class Sweeper {
 public:
  /// The runtime's part.
  struct Host {
    std::function<void(std::function<void(std::vector<runtime::FoundPod>)>)> find;
    std::function<void(std::function<void(std::vector<std::string>)>)> owners;
    std::function<void(const std::string&)> remove_idle_cgroup;
  };

  /// `daemon` outlives the sweeper.
  Sweeper(Daemon& daemon, Host host);
  /// Begins a sweep, unless one is under way.
  void sweep();
  [[nodiscard]] bool sweeping() const { return sweeping_; }

 private:
  void list_owners();
  void judge(const std::shared_ptr<std::vector<std::string>>& owners);
  void remove(const std::vector<std::string>& strange);

  Daemon& daemon_;
  const Host host_;
  bool sweeping_ = false;
};

}  // namespace gantry
