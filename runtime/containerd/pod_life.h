#pragma once

// The life of one pod, from prepare() or adopt() until it is removed. Loop thread only; kept alive
// by what it has in flight and by the runtime's map.
//
//   New → Preparing → Prepared → Starting → Running → Ending → Ended
//                                                                  each → Removing → Removed
//
// A step that was sent to containerd is waited for before the next one: remove() in the middle of
// one takes effect when its answer has come (`busy_`). When containerd is away, a step waits in
// Services::retry() and is then done again; each finds out by itself how far it came the last time,
// because ids are the caller's and so are the same.
//
// pod_prepare.cc, pod_life.cc and pod_remove.cc hold the three parts of it.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/containerd/services.h"

namespace gantry::containerd {

class PodLife final : public std::enable_shared_from_this<PodLife> {
 public:
  PodLife(Services& services, runtime::PodSpec pod);

  // As in runtime.h.
  void prepare();
  void start();
  void signal(int signal, bool everything);
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
  struct Container {
    std::string id;    ///< containerd's: the pod's id, for others than main with a number
    std::string name;  ///< ContainerSpec::name
    ImageRef image;
    std::shared_ptr<const ImageConfig> config;
    std::vector<::containerd::types::Mount> rootfs;
    std::string cgroups_path;
    // What it runs: needed to tell a missing program from a program that exits 127.
    std::vector<std::string> arguments, environment;
    std::string working_dir;
    std::uint32_t pid = 0;
    bool started = false;
    bool start_unclear = false;  ///< containerd went away before it answered to the start
    Time started_at{};
    bool gone = false;  ///< containerd does not know it any more
    std::optional<runtime::ContainerExit> exit;
  };
  struct Prepared;  // what a worker made of a container

  // pod_prepare.cc
  Result<void> check() const;
  void ensure_image(std::size_t index);
  void have_image(std::size_t index, Result<ImageRef> image);
  void create_all();
  void make_snapshot(std::size_t index);
  void make_files(std::size_t index);
  void make_container(std::size_t index, std::string spec);
  void make_task(std::size_t index);
  [[nodiscard]] bool is_of_an_earlier_life(const Error& error) const;
  void exists_already();
  void take_over(std::size_t index, std::vector<std::optional<int>> statuses);
  void prepared();
  void prepare_failed(Error error);
  void leave_prepares();

  // pod_life.cc
  void begin();
  void start_container(std::size_t index);
  void start_answered(std::size_t index, Result<void> answer);
  void find_out_start(std::size_t index);
  void wait(std::size_t index);
  void wait_failed(std::size_t index);
  void exited(std::size_t index, int status, Time at);
  void look_at_end();
  void stop_sidecars();
  void collect();
  void kill(std::size_t index, int signal, bool everything);
  void adopt_container(std::size_t index);
  void adopted();

  // pod_remove.cc
  void begin_removal();
  void find_containers();
  void remove_container(std::size_t index);
  /// Removes all that containerd has under a container's id; `done` gets what did not go.
  void clear(const std::string& id, bool ended, std::function<void(Result<void>)> done);
  void clear_task(const std::string& id, bool ended, std::function<void(Result<void>)> done);
  void clear_bundle(const std::string& id, std::function<void(Result<void>)> done);
  void clear_rest(const std::string& id, std::function<void(Result<void>)> done);
  void removed();

  /// Where containerd keeps a task while it exists.
  [[nodiscard]] std::string bundle_of(const std::string& id) const;
  /// A step is over: the removal that was asked for meanwhile begins. True if so.
  bool settle();

  Services& services_;
  const runtime::PodSpec pod_;
  State state_ = State::New;
  std::vector<Container> containers_;
  PodFiles files_;
  std::string cgroup_parent_;  ///< entered; empty: not
  bool busy_ = false;
  bool in_prepares_ = false;   ///< counts in Services::prepares
  bool touched_ = false;       ///< there may be something of it in containerd or on disk
  int cleanings_ = 0;          ///< how often what an earlier life left was cleared away
  bool runs_already_ = false;  ///< taken over after it had been started
  bool start_requested_ = false;
  bool removal_requested_ = false;
  std::size_t start_answers_ = 0;
  int snapshot_attempts_ = 0;
  int removal_attempts_ = 0;
  std::optional<Error> start_error_;
  struct PendingSignal {
    int signal;
    bool everything;
  };
  std::vector<PendingSignal> pending_signals_;
};

/// The label that every container of a pod carries, so that a pod is found again by it.
inline constexpr char kPodLabel[] = "gantry.io/pod";
/// What comes before the user's program in a container's arguments: the init and its options
/// (oci_spec.cc).
inline constexpr std::size_t kInitArguments = 3;

}  // namespace gantry::containerd
