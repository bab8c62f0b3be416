#pragma once

// Moves the artifacts of pods: into place before a pod is prepared, away once it has ended.
//
//   DIRECTORY/local          the repository of this host (artifacts/local_repository.h)
//   DIRECTORY/pods/<pod>     in/<n> what came from elsewhere, out/<n> what the runtime has staged,
//                            moved.json what was put into the pod, for the daemon's next life
//   DIRECTORY/scratch        in progress
//
// What a pod was given stays until the pod is removed, whoever else lets go of it. Transfers to and
// from servers wait for each other when there are many, so that those within the host never wait
// for a slow server. Loop thread; the work is done on workers.

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/executor.h"
#include "base/unique_fd.h"
#include "daemon/artifact_location.h"
#include "daemon/artifacts/artifacts.h"
#include "daemon/engine/pod_artifacts.h"
#include "daemon/job_queue.h"
#include "runtime/pod.h"
#include "runtime/runtime.h"

namespace gantry {

class ArtifactMover {
 public:
  struct Settings {
    std::string directory;  ///< absolute; made if missing
    std::string log_root;   ///< <PodSpec::log_directory>/<container>.stdout below it
    std::string fallback;   ///< of ArtifactLocations
    artifacts::Limits limits;
  };
  /// Blocks on the disk. `objects` and `executor` outlive it. What an earlier life of the daemon has given to pods is
  /// held from here on, so that nothing can collect it before keep_only() says which of them are still wanted.
  static Result<std::unique_ptr<ArtifactMover>> open(Settings settings, const Objects& objects, Executor& executor);

  using Loaded = std::function<void(Result<runtime::PodSpec>)>;
  /// Gets the inputs, and calls back with input_artifacts and staged filled in. An input that is
  /// optional and not there is left out. What an earlier life of the daemon has put there is used
  /// again.
  void load(const engine::PodArtifacts& artifacts, const std::string& name_space, runtime::PodSpec pod, Loaded done);
  /// The same for a pod that may run: nothing is moved.
  void adopt(const engine::PodArtifacts& artifacts, const std::string& name_space, runtime::PodSpec pod, Loaded done);

  /// Whether an ended pod has something to be saved.
  [[nodiscard]] bool has_outputs(const std::string& pod) const;
  /// Saves it; PodExit::artifacts then says what became of each.
  void save(const std::string& pod, runtime::PodExit exit, std::function<void(runtime::PodExit)> done);

  /// Gives up what is being moved for the pod; `done` of load() or save() comes soon.
  void cancel(const std::string& pod);
  /// The pod is gone: so is what was put into it.
  void removed(const std::string& pod);
  /// After a restart: lets go of what was put into other pods than these.
  void keep_only(const std::function<bool(const std::string& pod)>& wanted);

  /// Removes artifacts for artifactGC, and then what nothing refers to any more. `log` hears of each
  /// one that could not be removed; what is not there is no failure.
  void erase(const std::vector<engine::Artifact>& artifacts, const std::string& name_space,
             const workflow::RepositoryRef& repository, std::function<void(const std::string&)> log);
  /// Writes the artifact as it is kept (a tar.gz, a zip, or the file) into a file for reading.
  void read(const engine::Artifact& artifact, const std::string& name_space,
            const workflow::RepositoryRef& repository, std::function<void(Result<UniqueFd>)> done);
  /// The keys below a place, sorted.
  void list(const std::string& location, const std::string& name_space, const workflow::RepositoryRef& repository,
            std::function<void(Result<std::vector<std::string>>)> done);
  /// Frees what no key stands for and no pod uses.
  void collect_garbage();

 private:
  struct Pod;
  struct Job {
    std::function<void()> work, done;
  };
  ArtifactMover(Settings settings, const Objects& objects, Executor& executor,
                std::shared_ptr<artifacts::Artifacts> artifacts);
  std::shared_ptr<Pod> make(const engine::PodArtifacts& artifacts, const std::string& name_space, const runtime::PodSpec& pod);
  void hold_what_pods_have();
  void run(bool remote, Job job);

  Settings settings_;
  Executor& executor_;
  ArtifactLocations locations_;
  std::shared_ptr<artifacts::Artifacts> artifacts_;  // workers may outlive us
  std::unordered_map<std::string, std::shared_ptr<Pod>> pods_;
  std::unordered_map<std::string, std::vector<artifacts::Materialised>> kept_;  ///< of an earlier life, by pod
  JobQueue remote_;
  bool collecting_ = false, collect_again_ = false;
};

}  // namespace gantry
