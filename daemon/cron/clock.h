#pragma once

// The clock of all CronWorkflows: when their workflows are created, stopped and deleted.
//
// A state machine without I/O: events and the time come in, effects go out, and `next()` says when
// tick() wants to be called. Semantics: argo-workflows workflow/cron/operator.go and controller.go.
//
// * A due time becomes at most one run: the run's name is a function of the time, and the status
//   that says so is stored in the transaction that creates the run. A time that passes while nobody
//   looks is dropped, unless startingDeadlineSeconds still covers it.
// * While a run is being created its CronWorkflow does nothing else; what becomes due meanwhile is
//   looked at afterwards.
// * Unlike upstream, `@every` keeps its beat: it counts from when the schedule was first seen, not
//   from the controller's last start or from the last change of the object. And a run that could
//   not be created is not tried again at once.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "daemon/cron/status.h"
#include "workflow/cron_workflow.h"

namespace gantry::cron {

using Key = std::pair<std::string, std::string>;  ///< namespace, name

struct Definition {
  Key key;
  std::map<std::string, std::string> labels, annotations;
  workflow::CronSpec spec;
};

/// A run that carries the CronWorkflow's label.
struct Child {
  enum class State : std::uint8_t { Active, Succeeded, Failed };
  std::string uid, name;
  State state = State::Active;
  Time finished{};  ///< when it is not active
};

// ---- effects ----

/// Create the run and answer with created() or refused(). What created() gives belongs into the
/// transaction that creates it.
struct CreateRun {
  Key cron;
  std::string name;
  Time scheduled;
};
struct TerminateRun {
  std::string uid;
};
struct DeleteRun {
  std::string uid;
};
struct WriteStatus {
  Key cron;
  Status status;
};
using Effect = std::variant<CreateRun, TerminateRun, DeleteRun, WriteStatus>;
using Effects = std::vector<Effect>;

class Clock {
 public:
  /// A CronWorkflow was created or changed, or was stored by an earlier life. `stored` counts only
  /// when the clock does not know it yet. Its children come afterwards, through child().
  Effects put(Definition definition, const Status& stored, Time now);
  /// After the children that were stored: takes up missed runs.
  Effects restored(Time now);
  /// It was deleted, and its runs go with it, as Kubernetes' garbage collector has it.
  Effects remove(const Key& cron);

  /// A run is new, or over, or begins again (retry).
  Effects child(const Key& cron, Child child, Time now);
  Effects child_gone(const Key& cron, const std::string& uid, Time now);

  Effects created(const Key& cron, Time scheduled, const std::string& uid, const std::string& name,
                  Time now);
  /// AlreadyExists is no error: the time has its run.
  Effects refused(const Key& cron, Time scheduled, const Error& error, Time now);

  Effects tick(Time now);
  /// When tick() has something to do; nothing: never.
  [[nodiscard]] std::optional<Time> next() const;

 private:
  struct Cron {
    Definition definition;
    Status status;
    std::vector<std::optional<Time>> due;   ///< of each schedule
    std::map<std::string, Child> children;  ///< by uid
    std::optional<Time> creating;
    Status written;  ///< what the store has been told
  };

  void set_due(Cron& cron, std::size_t schedule, Time now);
  void fire_due(Cron& cron, Time now, Effects& effects);
  void take_up_missed(Cron& cron, Time now, Effects& effects);
  void run(Cron& cron, Time scheduled, Time now, Effects& effects);
  bool may_run(Cron& cron, Time now, Effects& effects);
  void check_stop(Cron& cron, Time now);
  void count_end(Cron& cron, const Child& child, Time now);
  void limit_history(Cron& cron, Effects& effects);
  void write(Cron& cron, Effects& effects);
  [[nodiscard]] Cron* find(const Key& key);

  std::map<Key, Cron> crons_;
  bool restoring_ = true;
};

}  // namespace gantry::cron
