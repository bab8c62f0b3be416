#pragma once

// A runtime in virtual time: pods take as long as a function says and end as it says. The same calls give the same
// events, so that a whole daemon runs from a seed. It outlives a simulated crash of the daemon, as containerd does.

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "runtime/runtime.h"

namespace gantry::runtime {

/// What one container will do.
struct ContainerScript {
  /// Absent: until a signal ends it.
  std::optional<Duration> run = Duration(1);
  int exit_code = 0;
  std::vector<int> earlier_exit_codes;  ///< of the first attempts (ContainerSpec::attempts); after them, exit_code
  bool oom_killed = false;
  bool disk_full = false;
  bool ignores_sigterm = false;
};

/// What a pod will do.
struct Script {
  Duration prepare{1};
  Duration start{1};
  // Of the main containers, unless `containers` names them.
  Duration run{1};
  int exit_code = 0;
  bool oom_killed = false;
  bool disk_full = false;
  bool ignores_sigterm = false;
  std::string prepare_error;                  ///< not empty: preparing fails with it
  bool lost = false;                          ///< it vanishes instead of exiting
  std::string stdout_text;
  std::map<std::string, std::string> outputs; ///< by OutputFile::name; others are missing
  /// By name. An init container that is not in here ends with 0 after a millisecond; a sidecar runs until it is ended.
  std::map<std::string, ContainerScript> containers;
  /// From the start of the main containers to on_ready, when a container has a readiness or startup probe; absent: never.
  std::optional<Duration> ready = Duration(1);
  std::set<std::string> missing_artifacts;    ///< OutputArtifact::name; others are there
};

class SimulatedRuntime : public Runtime {
 public:
  using Author = std::function<Script(const PodSpec&)>;

  SimulatedRuntime(Time start, Author author) : now_(start), author_(std::move(author)) {}

  /// Who hears the events; nobody while the daemon is down (what is told then is lost, but exits are kept for adopt()).
  void set_listener(Listener* listener) { listener_ = listener; }

  [[nodiscard]] Time now() const { return now_; }
  /// Runs `task` at `when`, among the events: the timers of the simulated daemon.
  void at(Time when, std::function<void()> task);
  /// Moves the clock to the next event and lets it happen. False when there is none.
  bool step();

  void prepare(PodSpec pod) override;
  void start(const std::string& pod) override;
  void signal(const std::string& pod, int signal, bool everything) override;
  void signal_container(const std::string& pod, const std::string& container, int signal) override;
  void adopt(PodSpec pod) override;
  void remove(const std::string& pod) override;
  void remove_claims(const std::string& owner) override { claims_removed_[owner]++; }

  /// Whether starts() counts. A long simulation does not want to remember each pod for ever.
  void set_counts_starts(bool counts) { counts_starts_ = counts; }

  // What a checker wants to know.
  [[nodiscard]] const std::map<std::string, int>& starts() const { return starts_; }  ///< pod id → times started
  [[nodiscard]] std::size_t pods() const { return pods_.size(); }
  [[nodiscard]] std::size_t running() const;
  /// Removes every pod but these at once: the sweep of a daemon that starts.
  void sweep(const std::set<std::string>& keep);
  [[nodiscard]] const std::map<std::string, int>& claims_removed() const { return claims_removed_; }

 private:
  enum class State { Preparing, Failed, Prepared, Starting, Running, Exited, Lost };
  struct Container {
    const ContainerSpec* spec = nullptr;
    ContainerScript script;
    bool running = false;
    bool pausing = false;  ///< between two attempts
    int attempt = 0;
    Time started{};
    std::optional<ContainerExit> exit;
  };
  struct Pod {
    PodSpec spec;
    Script script;
    State state = State::Preparing;
    bool start_wanted = false;
    bool ending = false;  ///< nothing more is started
    bool told_started = false, told_sidecars = false, ready = false;
    std::string address;
    Time started{};  ///< the first main container
    std::vector<Container> containers;
    std::uint64_t life = 0;  ///< events of an earlier life of the same id are stale
  };
  struct Event {
    Time when;
    std::uint64_t order;
    std::uint64_t life;  ///< of the pod that it is about; 0: of none
    std::function<void()> task;
    std::function<void(Pod&)> of_pod;
    bool operator>(const Event& o) const { return when != o.when ? when > o.when : order > o.order; }
  };

  /// Lets it happen unless the pod is removed before.
  void after(Duration delay, const Pod& pod, std::function<void(Pod&)> what);
  void add(Event event);
  void prepared(Pod& pod);
  void started(Pod& pod);
  void begin_start(Pod& pod);
  void tell(Pod& pod);
  void tell_container(Pod& pod, const Container& container);
  void tell_ready(Pod& pod);
  [[nodiscard]] std::string address_of(Network network);

  void advance(Pod& pod);
  void begin_mains(Pod& pod);
  void never_start(Pod& pod, Container& container, const std::string& reason);
  void run(Pod& pod, std::size_t index);
  void ended(Pod& pod, std::size_t index, int exit_code);
  void kill(Pod& pod, std::size_t index, int signal);

  Time now_;
  Author author_;
  Listener* listener_ = nullptr;
  std::map<std::string, Pod> pods_;
  std::unordered_map<std::uint64_t, Pod*> by_life_;
  std::vector<Event> events_;  ///< a heap: the next one first
  std::uint64_t next_order_ = 0;
  std::uint64_t next_life_ = 1;
  std::uint32_t next_address_ = 2;
  bool counts_starts_ = true;
  std::map<std::string, int> starts_;
  std::map<std::string, int> claims_removed_;
};

}  // namespace gantry::runtime
