#pragma once

// Deletes workflows whose time to live is over. Loop thread.

#include <functional>
#include <map>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "daemon/alarm.h"
#include "daemon/daemon.h"
#include "daemon/ttl.h"

namespace gantry {

class Expiry final : public RunObserver {
 public:
  /// `remove` deletes a run with its logs, if it is still over: it may have been retried, or be
  /// gone.
  Expiry(Daemon& daemon, Ttl fallback, std::function<void(const std::string& uid)> remove);

  /// The runs of earlier lives.
  void restore(const std::vector<RunSummary>& runs);
  /// A new run with a strategy of its own.
  void accepted(const std::string& uid, const Ttl& ttl);
  void run_deleted(const std::string& uid);
  /// When a run will be deleted, or nothing.
  [[nodiscard]] std::optional<Time> expiry_of(const std::string& uid) const;

  void run_changed(const std::string& uid) override;
  void turn_ended() override {}

 private:
  void schedule(const std::string& uid, engine::RunPhase phase, Time finished);
  void unschedule(const std::string& uid);
  void remove_expired();
  void set_alarm();

  Daemon& daemon_;
  const Ttl fallback_;
  std::function<void(const std::string&)> remove_;
  Alarm alarm_;
  std::unordered_map<std::string, Ttl> own_;  ///< uid → its strategy, where it has one
  std::unordered_map<std::string, Time> at_;  ///< uid → when it is deleted
  std::multimap<Time, std::string> queue_;    ///< the same by time
};

}  // namespace gantry
