#pragma once

// Joins the clock of the CronWorkflows to the daemon: tells it what happens, carries out what it
// decides. Loop thread.

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "daemon/alarm.h"
#include "daemon/cron/clock.h"
#include "daemon/daemon.h"
#include "daemon/resource.h"

namespace gantry {

class CronDriver final : public RunObserver {
 public:
  /// What it needs of the backend.
  struct Actions {
    /// Creates a workflow of `document`. `accepted` is called in the turn in which it is given to
    /// the store, before that has it; `failed` at most once, after `accepted` when the store
    /// refused.
    std::function<void(const std::string& name_space, std::string document,
                       std::function<void(const engine::RunInfo&)> accepted,
                       std::function<void(Error)> failed)>
        create;
    std::function<void(const std::string& uid)> terminate;
    std::function<void(const std::string& uid)> remove;
  };

  CronDriver(Daemon& daemon, Actions actions);

  /// The CronWorkflows and runs of earlier lives; from here on runs are created.
  void restore(std::vector<RunSummary> runs);
  /// A CronWorkflow was created or changed.
  void put(const Resource& resource);
  void remove(const std::string& name_space, const std::string& name);
  void run_deleted(const engine::RunInfo& info);

  void run_changed(const std::string& uid) override;
  void turn_ended() override;

 private:
  using Defined = std::vector<cron::Definition>;
  /// Reads objects on a worker.
  void define(std::vector<Resource> resources, std::function<void(Defined)> done);
  void restored(const std::vector<RunSummary>& runs, Defined definitions);
  void told();
  void carry_out(cron::Effects effects);
  void create(const cron::CreateRun& run);
  void write(const cron::WriteStatus& change);

  Daemon& daemon_;
  Actions actions_;
  cron::Clock clock_;
  Alarm alarm_;
  bool restored_ = false;
  /// What runs have become since the clock was last told.
  std::vector<std::pair<cron::Key, cron::Child>> news_;
};

}  // namespace gantry
