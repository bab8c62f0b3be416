#pragma once

// The first header of the room: how a pod becomes a container and an exit code.
//
// Two implementations: containerd/ (the real one, over gRPC) and simulated/ (virtual time, from a seed).
//
// All calls are made, and all events arrive, on one thread: the loop. No call blocks. Ids are the caller's;
// the runtime keeps what it needs about a pod from prepare() until removed().

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "runtime/pod.h"

namespace gantry::runtime {

/// How one container ended.
struct ContainerExit {
  int exit_code = 0;         ///< as a shell gives it: 128 + signal when killed by one
  bool oom_killed = false;   ///< its cgroup counted an OOM kill
  bool disk_full = false;    ///< it failed, and where it writes to (its root file system, its log) there is no room
  Time started{};
  Time finished{};
  /// Why it never ran, when that is so: a missing program is exit code 64 and Argo's words (`failed to find name in
  /// PATH: exec: "x": executable file not found in $PATH`). Or why the runtime killed it: `Liveness probe failed: …`,
  /// `PostStartHook failed: …`.
  std::string reason;
  /// It was not started, because of a dependency or of an init container. Exit code 143, as Argo shows it, and a reason in
  /// the words of Argo's emissary (`dependency "x" exited with non-zero code: 1`); `started` is not set.
  bool never_started = false;
  int attempts = 1;  ///< how often it was started (ContainerSpec::attempts)
};

/// What one container does while its pod runs.
struct ContainerChange {
  Time at{};
  int attempt = 1;
  std::optional<ContainerExit> exit;  ///< absent: it was started
};

/// What an ended pod left behind.
struct PodExit {
  std::map<std::string, ContainerExit> containers;
  /// OutputFile::name → its bytes, or why it could not be read (NotFound: no such file).
  std::map<std::string, Result<std::string>> outputs;
  std::string stdout_tail;  ///< capture_stdout: at most the last 256 KiB
  /// OutputArtifact::name → staged, or why not (NotFound: nothing there).
  std::map<std::string, Result<void>> artifacts;
};

/// A program that is run in a container beside its own.
struct ExecSpec {
  std::string container;               ///< ContainerSpec::name; empty: main
  std::vector<std::string> arguments;  ///< the program is looked for in the container's PATH
  std::vector<EnvVar> env;             ///< added to the container's
  std::string working_dir;             ///< empty: the container's
  Duration timeout{0};                 ///< then it is killed, DeadlineExceeded; 0: none
};
struct ExecResult {
  int exit_code = 0;
  std::string output;  ///< standard output, then standard error; of each at most the last 256 KiB
};

/// What the runtime tells. For one pod the order is prepared | failed, started | failed, ready, exited | lost; removed
/// comes last. Each comes at most once. A pod whose init container fails is exited without having been started.
class Listener {
 public:
  virtual ~Listener() = default;
  virtual void on_prepared(const std::string& pod) = 0;
  /// prepare() or start() did not succeed. Nothing of the pod runs; the caller removes it.
  virtual void on_failed(const std::string& pod, const Error& error) = 0;
  /// Its first main container was started: all init containers have ended.
  virtual void on_started(const std::string& pod, Time at) = 0;
  /// A container of any role was started or has ended; each attempt is told, before on_exited. Not for pods of one
  /// container, of which on_started and on_exited say the same. After adopt() what is so is told again.
  virtual void on_container(const std::string& /*pod*/, const std::string& /*container*/,
                            const ContainerChange& /*change*/) {}
  /// All of its main containers and sidecars have passed their readiness and startup probes; without probes, with
  /// on_started. `address`: the pod's on the bridge, the host's own, empty for Network::None.
  virtual void on_ready(const std::string& /*pod*/, const std::string& /*address*/) {}
  /// A watched output file of a running pod was written: all that it holds now. What is written shortly before the end
  /// comes with on_exited only.
  virtual void on_output(const std::string& /*pod*/, const std::string& /*output*/, const std::string& /*content*/) {}
  virtual void on_exited(const std::string& pod, PodExit exit) = 0;
  /// It was started, and is gone without an exit code.
  virtual void on_lost(const std::string& pod, const Error& error) = 0;
  virtual void on_removed(const std::string& pod) = 0;
  /// Progress that a user wants to see ("pulling image x: 12 of 40 MB").
  virtual void on_progress(const std::string& pod, const std::string& what) = 0;
  /// The connection to whatever runs the pods was lost (false) or is back (true).
  virtual void on_connected(bool connected) = 0;
};

/// A pod that was found when the runtime connected.
struct FoundPod {
  std::string id;
  std::map<std::string, std::string> labels;
  bool started = false;  ///< its program was started (it may have ended since)
};

class Runtime {
 public:
  virtual ~Runtime() = default;

  /// Makes the pod ready to start; nothing of the user's runs yet. An id that exists already is taken over.
  virtual void prepare(PodSpec pod) = 0;
  /// Starts a prepared pod. May be called before on_prepared: it then starts as soon as it is prepared.
  virtual void start(const std::string& pod) = 0;
  /// Sends `signal` to the process groups of the main containers (while init containers run, of that one); with
  /// `everything`, to every process of every container. After a signal that ends, nothing more of the pod is started.
  virtual void signal(const std::string& pod, int signal, bool everything) = 0;
  /// The same to one container. One that has not started yet never starts after SIGTERM, SIGINT or SIGKILL.
  virtual void signal_container(const std::string& /*pod*/, const std::string& /*container*/, int /*signal*/) {}
  /// Runs a program in a running container. NotFound: no such container, or it does not run. `done` comes once, never
  /// inside the call, and not after the runtime is gone.
  virtual void exec(const std::string& /*pod*/, ExecSpec /*spec*/, std::function<void(Result<ExecResult>)> done) {
    done(fail(Code::Unimplemented, "this runtime cannot exec"));
  }
  /// Takes over a pod that an earlier life of the daemon started: its exit is reported as if it had been started now.
  /// `pod` needs the fields that prepare() needs.
  virtual void adopt(PodSpec pod) = 0;
  /// Kills what still runs and removes all that belongs to the pod but its logs and claims. Always ends in on_removed.
  virtual void remove(const std::string& pod) = 0;
  /// Removes the directories of the claims of `owner`.
  virtual void remove_claims(const std::string& owner) = 0;
};

}  // namespace gantry::runtime
