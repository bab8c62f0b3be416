#pragma once

// The life of one pod, from prepare() or adopt() until it is removed. Loop thread only; kept alive
// by what it has in flight and by the runtime's map.
//
//   New → Preparing → Prepared → Starting → Running → Ending → Ended
//                                                                  each → Removing → Removed
//
// Starting lasts until the main containers have started: the init containers run in it. Stages
// follow one another: each init container is one, all others together are the last one. A stage's
// containers are created when the one before has ended, since a sub path of a volume may be its
// work. look() is called after whatever happens to a container and does what is due then.
//
// A step that was sent to containerd is waited for before the next one: remove() in the middle of
// one takes effect when its answer has come (`busy_`). When containerd is away, a step waits in
// Services::retry() and is then done again; each finds out by itself how far it came the last time,
// because ids are the caller's and so are the same.
//
// What a pod of several containers has started is written down in marks (start_marks.h), which tell
// a daemon that takes it over what was not started yet from what is gone. A pod of one container
// needs none: its caller knows.
//
// pod_prepare.cc, pod_create.cc, pod_adopt.cc, pod_life.cc, pod_end.cc, pod_exec.cc, pod_health.cc,
// pod_watch.cc and pod_remove.cc hold its parts.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/containerd/outputs.h"
#include "runtime/containerd/services.h"
#include "runtime/containerd/start_marks.h"

namespace gantry::containerd {

class PodLife final : public std::enable_shared_from_this<PodLife> {
 public:
  PodLife(Services& services, runtime::PodSpec pod);

  // As in runtime.h.
  void prepare();
  void start();
  void signal(int signal, bool everything);
  void signal_container(const std::string& name, int signal);
  void exec(runtime::ExecSpec spec, std::function<void(Result<runtime::ExecResult>)> done);
  void adopt();
  void remove();

 private:
  enum class State : std::uint8_t {
    New,
    Preparing,
    Prepared,
    Starting,
    Running,
    Ending,
    Ended,
    Removing,
    Removed
  };
  enum class Phase : std::uint8_t {
    Absent,  ///< containerd has nothing of it
    Created,
    Starting,
    Running,  ///< it may have ended, but that is not looked at yet
    Pausing,  ///< between two attempts
    Over      ///< it has an exit, or is gone
  };
  enum class ProbeKind : std::uint8_t { Startup, Readiness, Liveness };
  struct Health {
    int successes = 0, failures = 0;  ///< in a row
    bool passed = false;
  };
  struct Container {
    const runtime::ContainerSpec* spec = nullptr;  ///< of pod_; null: unknown (a removal)
    std::string id;    ///< containerd's: main has the pod's id, others one with a number
    std::string name;  ///< ContainerSpec::name
    Phase phase = Phase::Absent;
    ImageRef image;
    std::shared_ptr<const ImageConfig> config;
    std::vector<::containerd::types::Mount> rootfs;
    std::string cgroups_path;
    // What it runs: needed to tell a missing program from a program that exits 127.
    std::vector<std::string> arguments, environment;
    std::string working_dir;
    std::uint32_t pid = 0;  ///< of its first process, while it runs
    std::string process;    ///< JSON: process of its specification; empty: not asked for yet
    int attempt = 1;
    bool starts_stage = false;   ///< its stage waits for the answer to its start
    bool start_unclear = false;  ///< containerd went away before it answered to the start
    Time started_at{};
    bool gone = false;           ///< containerd does not know it any more
    std::string killed_because;  ///< ContainerExit::reason
    bool stop_hook_run = false;
    bool hook_pending = false;  ///< postStart has not ended
    Health startup, readiness, liveness;
    std::optional<runtime::ContainerExit> exit;
  };
  struct Prepared;  // what a worker made of a container
  struct Examined;  // what a worker found out about an ended one

  /// Each container is started, marked and looked at by itself. Not so when there is only one, with one attempt.
  [[nodiscard]] bool several() const {
    return containers_.size() > 1 ||
           (containers_.size() == 1 && containers_[0].spec != nullptr && containers_[0].spec->attempts > 1);
  }
  [[nodiscard]] std::size_t main_index() const;
  [[nodiscard]] std::size_t main_container() const;
  [[nodiscard]] std::optional<std::size_t> index_of(const std::string& name) const;
  [[nodiscard]] std::vector<std::size_t> stage_members() const;
  [[nodiscard]] bool in_last_stage() const { return stage_ == init_containers_; }

  // pod_prepare.cc
  Result<void> check() const;
  Result<void> check_dependencies() const;
  void ensure_image(std::size_t index);
  void have_image(std::size_t index, Result<ImageRef> image);
  void find_image(std::size_t index);
  Result<void> use_image(std::size_t index, ImageRef image);
  void prepared();
  void prepare_failed(Error error);
  void leave_prepares();

  // pod_create.cc
  void create_all();
  void attach_network();
  void create_next();
  void make_snapshot(std::size_t index);
  void make_files(std::size_t index);
  void make_container(std::size_t index, std::string spec);
  void make_task(std::size_t index);
  void task_made(std::size_t index);

  // pod_adopt.cc
  [[nodiscard]] bool is_of_an_earlier_life(const Error& error) const;
  void exists_already(std::size_t index);
  void take_over(std::size_t index, std::vector<std::optional<int>> statuses);
  void take_over_as(bool ran, std::vector<std::optional<int>> statuses);
  void has_our_labels(std::size_t index, std::function<void(bool)> done);
  void take_as_it_is();
  void begin_again();
  void adopt_container(std::size_t index);
  void resume();
  void resume_container(std::size_t index, Result<int> status);
  void resumed();

  // pod_life.cc
  void begin();
  void start_stage();
  void launch(std::size_t index);
  void start_container(std::size_t index);
  void start_answered(std::size_t index, Result<void> answer);
  void find_out_start(std::size_t index);
  void stage_started();
  void wait(std::size_t index);
  void wait_failed(std::size_t index);
  void look();
  void look_at_init();
  void start_dependents();
  void never_start(std::size_t index, const std::string& reason);
  void stop_sidecars();
  void lost(std::size_t index);
  void attempt_again(std::size_t index);
  void make_again(std::size_t index);
  void again_failed(std::size_t index, const Error& error);
  void mark(std::size_t index, StartMark mark, std::function<void()> done);
  void stop(std::size_t index, int signal, bool everything);
  void stop_for_good(std::size_t index, const std::string& reason);
  void kill(std::size_t index, int signal, bool everything);
  void tell_started(std::size_t index);
  void tell_exit(std::size_t index);

  // pod_end.cc
  void exited(std::size_t index, int status, Time at);
  void over(std::size_t index);
  static void examine(const Container& container, const std::string& logs,
                      const ContainerFiles& files, const CgroupLayout& cgroups,
                      const std::string& name_space, Examined& result);
  void collect();

  // pod_watch.cc
  void watch_outputs();
  void read_watched();

  // pod_exec.cc
  using ExecDone = std::function<void(Result<runtime::ExecResult>)>;
  struct Exec;  // one that is under way
  void exec_in(std::size_t index, runtime::ExecSpec spec, ExecDone done);
  void find_process(std::size_t index, const std::shared_ptr<Exec>& exec);
  void make_exec(std::size_t index, const std::shared_ptr<Exec>& exec);
  void start_exec(std::size_t index, const std::shared_ptr<Exec>& exec);
  void end_exec(std::size_t index, const std::shared_ptr<Exec>& exec, Result<int> status);

  // pod_health.cc
  void begin_health(std::size_t index);
  void run_post_start(std::size_t index);
  void run_hook(std::size_t index, const runtime::Handler& handler,
                std::function<void(Result<void>)> done);
  void begin_probes(std::size_t index);
  void schedule_probe(std::size_t index, ProbeKind kind, Duration delay);
  void run_probe(std::size_t index, ProbeKind kind);
  void probe_answered(std::size_t index, ProbeKind kind, Result<void> answer);
  void look_at_readiness();
  [[nodiscard]] const std::optional<runtime::Probe>& probe_of(std::size_t index,
                                                              ProbeKind kind) const;
  [[nodiscard]] std::string address_for_probes() const;
  [[nodiscard]] std::string namespace_for_probes(std::size_t index) const;

  // pod_remove.cc
  void begin_removal();
  void find_containers();
  void add_container(const std::string& id);
  void find_leftover_snapshots();
  void remove_container(std::size_t index);
  /// Removes all that containerd has under a container's id; `done` gets what did not go.
  void clear(const std::string& id, bool ended, std::function<void(Result<void>)> done);
  void clear_task(const std::string& id, bool ended, std::function<void(Result<void>)> done);
  void clear_bundle(const std::string& id, std::function<void(Result<void>)> done);
  void clear_rest(const std::string& id, std::function<void(Result<void>)> done);
  void removed();

  /// What a container sees while its task exists; `bundles` is bundle_of(""). Any thread, while busy_ is held.
  [[nodiscard]] ContainerFiles files_of(const Container& container, const std::string& bundles) const;
  /// Where containerd keeps a task while it exists.
  [[nodiscard]] std::string bundle_of(const std::string& id) const;
  [[nodiscard]] std::string log_directory() const;
  /// Whether a removal was asked for meanwhile. Then `held` steps of the caller's are given up,
  /// nothing new may be begun, and the removal begins once no step is left.
  bool settle(int held = 1);

  Services& services_;
  const runtime::PodSpec pod_;
  State state_ = State::New;
  std::vector<Container> containers_;
  std::size_t init_containers_ = 0;
  std::size_t stage_ = 0;
  PodFiles files_;
  bool files_made_ = false;
  PodAttachment network_;
  std::map<std::string, StartMark> marks_;  ///< of an earlier life
  std::string cgroup_parent_;               ///< entered; empty: not
  int busy_ = 0;                            ///< steps that a removal waits for
  bool in_prepares_ = false;                ///< counts in Services::prepares
  bool touched_ = false;       ///< there may be something of it in containerd or on disk
  int cleanings_ = 0;          ///< how often what an earlier life left was cleared away
  bool runs_already_ = false;  ///< taken over after it had been started
  bool start_requested_ = false;
  bool removal_requested_ = false;
  bool ending_ = false;  ///< nothing more is started
  bool ready_ = false;
  std::size_t pending_starts_ = 0;
  std::size_t to_resume_ = 0;
  int snapshot_attempts_ = 0;
  int removal_attempts_ = 0;
  int execs_ = 0;
  std::optional<Error> start_error_;
  std::map<std::string, std::string> watched_;  ///< what was told of watched outputs last
  std::vector<std::function<void()>>
      pending_signals_;  ///< that came while something was being started
};

/// The label that every container of a pod carries, so that a pod is found again by it.
inline constexpr char kPodLabel[] = "gantry.io/pod";
/// What comes before the user's program in a container's arguments: the init and its options
/// (oci_spec.cc).
inline constexpr std::size_t kInitArguments = 3;
inline constexpr Duration kTaskDeadline = std::chrono::seconds(120);
/// What an earlier life left is cleared away this often, with pauses that double from the first
/// one: 6.3 seconds in all.
inline constexpr int kMostCleanings = 7;
inline constexpr Duration kCleaningPause{100};

Time to_time(const google::protobuf::Timestamp& at);

}  // namespace gantry::containerd
