#pragma once

// The real Runtime: pods are containers of containerd. The first header of this room.
//
// How a pod lives is in pod_life.h; what it is made of, in oci_spec.h and volumes.h; what is read
// when it has ended, in outputs.h. How containerd is spoken to is in channel.h and call.h.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/executor.h"
#include "runtime/containerd/config.h"
#include "runtime/runtime.h"

namespace gantry::containerd {

class Channel;
class Images;

class ContainerdRuntime final : public runtime::Runtime {
 public:
  /// Looks at the host and begins to connect; Listener::on_connected(true) tells when it is done.
  /// Until then, and while containerd is away, what is asked for waits. Blocks for some file system
  /// work; before the loop runs, or on it. `channel`, `images`, `executor` and `listener` outlive
  /// the runtime.
  static Result<std::unique_ptr<ContainerdRuntime>> open(Config config, Channel& channel,
                                                         Images& images, Executor& executor,
                                                         runtime::Listener& listener);
  /// Leaves the pods as they are: adopt() takes them over.
  ~ContainerdRuntime() override;

  void prepare(runtime::PodSpec pod) override;
  void start(const std::string& pod) override;
  void signal(const std::string& pod, int signal, bool everything) override;
  void signal_container(const std::string& pod, const std::string& container, int signal) override;
  void exec(const std::string& pod, runtime::ExecSpec spec,
            std::function<void(Result<runtime::ExecResult>)> done) override;
  void adopt(runtime::PodSpec pod) override;
  /// Also of a pod that this runtime has never heard of: what containerd has under its id goes.
  void remove(const std::string& pod) override;
  void remove_claims(const std::string& owner) override;

  /// All pods that containerd has, whoever made them in this namespace; those too of which only a
  /// snapshot is left. For clearing up. What lies in the state directory of pods that came to no
  /// container, or whose removal was cut off, is removed by the way.
  void find(std::function<void(Result<std::vector<runtime::FoundPod>>)> done);
  /// Whose claims and cgroups there are: the first parts of PodSpec::cgroup, and of claims. Only
  /// those that pods of this runtime had.
  void owners(std::function<void(std::vector<std::string>)> done);
  /// Removes the cgroup of an owner, unless a pod uses it.
  void remove_idle_cgroup(const std::string& owner);

 private:
  struct Impl;
  explicit ContainerdRuntime(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace gantry::containerd
