#pragma once

// All that speaks to containerd, made in the order in which it needs each other: the private
// containerd when there is to be one, the channel, the images, the runtime. Loop thread.

#include <functional>
#include <memory>
#include <string>

#include "api/backend.h"
#include "base/error.h"
#include "base/executor.h"
#include "runtime/containerd/config.h"
#include "runtime/runtime.h"

namespace gantry {

namespace containerd {
class Images;
class ContainerdRuntime;
}  // namespace containerd

class ContainerdSide {
 public:
  struct Settings {
    std::string containerd;  ///< auto, private, or an address
    std::string runtime;     ///< auto, runc, crun, or a path
    std::string shim;        ///< auto, gantry, runc, or a path
    std::string state_dir;   ///< the daemon's
    std::string log_root;
    std::string registry_user;
    int parallel_pulls = 2;
    containerd::BridgeConfig bridge;
    std::string seccomp_profiles;
    std::function<void(const std::string&)> log;
  };

  ContainerdSide(Executor& executor, Settings settings);
  /// Leaves containerd and the steps running.
  ~ContainerdSide();
  ContainerdSide(const ContainerdSide&) = delete;

  /// Finds or starts containerd, tries the OCI runtime and the shim, and begins to connect. `done` is called
  /// once; after success runtime() and images() are there. `listener` outlives the object.
  void start(runtime::Listener& listener, std::function<void(Result<void>)> done);
  /// Stops the containerd that is ours; `done` comes at once when there is none.
  void stop_containerd(std::function<void()> done);

  [[nodiscard]] runtime::Runtime& runtime();
  [[nodiscard]] containerd::Images& images();
  /// The pods that containerd has; tries until it answers.
  void find(std::function<void(std::vector<runtime::FoundPod>)> done);
  // As in containerd_runtime.h.
  void owners(std::function<void(std::vector<std::string>)> done);
  void remove_idle_cgroup(const std::string& owner);
  /// `{"version", "address", "private"}`, for version().
  [[nodiscard]] api::Json description() const;
  /// The OCI runtime: "crun version 1.8.1".
  [[nodiscard]] std::string runtime_name() const;
  /// "containerd-shim-gantry-v1 0.1.0"
  [[nodiscard]] std::string shim_name() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace gantry
