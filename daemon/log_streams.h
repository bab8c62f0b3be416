#pragma once

// Logs of runs as streams of lines: the files of all pods, merged, followed until the run is over.
//
// The files hold what the containers wrote and no times, so this is what can be said honestly:
//
// * Order within a container's stdout, and within its stderr, is kept. Between the two, and between
// pods, lines come in
//   the order in which they are read: while following that is the order of writing to within a
//   moment; afterwards a pod's stdout comes before its stderr, and pods in the order of their
//   creation.
// * `timestamps` stamps a line with the time at which it was first read while following, and with
// the time at which the
//   pod started when it was there before.
// * `since` leaves out files that were last written before it.
// * `tail_lines` counts for each pod, its stdout before its stderr.
//
// Reading is a worker's; one read for each stream is under way. Loop thread.

#include <list>
#include <memory>
#include <string>

#include "api/backend.h"
#include "daemon/daemon.h"

namespace gantry {

class LogStreams : public RunObserver {
 public:
  /// Watches directories for changes: calls `changed` after something in `path` was written, for as
  /// long as the result lives. Null when that cannot be done: the files are then looked at every
  /// second.
  using Watch =
      std::function<std::shared_ptr<void>(const std::string& path, std::function<void()> changed)>;

  LogStreams(Daemon& daemon, Watch watch);
  ~LogStreams() override;

  /// `run` is the run's state now; when it is not over, news come through run_changed.
  void add(const api::LogQuery& query, const engine::Run& run, api::StreamPtr stream);
  void add(const api::LogQuery& query, const StoredRun& run, api::StreamPtr stream);
  /// Ends the streams of a run that was deleted once they have sent what there was.
  void run_deleted(const std::string& uid);

  void run_changed(const std::string& uid) override;
  void turn_ended() override {}

 private:
  class Follower;
  void start(std::shared_ptr<Follower> follower);

  Daemon& daemon_;
  Watch watch_;
  std::list<std::shared_ptr<Follower>> followers_;
};

}  // namespace gantry
