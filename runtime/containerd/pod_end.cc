#include <sys/statvfs.h>

#include <algorithm>

#include "runtime/containerd/artifacts.h"
#include "runtime/containerd/outputs.h"
#include "runtime/containerd/pod_life.h"
#include "runtime/containerd/process.h"
#include "runtime/containerd/stale_bundle.h"

namespace gantry::containerd {
namespace {

/// The shim itself gives a container's output this long when its task is deleted.
constexpr Duration kOutputGrace = std::chrono::seconds(2);
// What tini and catatonit exit with when they cannot run the program, as a shell would.
constexpr int kNotFound = 127, kNotExecutable = 126;
/// What the OCI runtime's own init exits with when `start` is killed half way.
constexpr int kInitFailed = 1;
/// Argo's emissary (cmd/argoexec/commands/emissary.go) for a program that cannot be run.
constexpr int kEmissaryFailure = 64;
/// So little is left that a program which writes meets the end.
constexpr std::uint64_t kNoRoomBytes = 1 << 20;

bool is_full(const std::string& directory) {
  struct statvfs disk {};
  if (::statvfs(directory.c_str(), &disk) != 0) return false;
  const bool no_inodes = disk.f_files != 0 && disk.f_favail == 0;  // btrfs says 0 of 0
  return disk.f_bavail * disk.f_frsize < kNoRoomBytes || no_inodes;
}

}  // namespace

struct PodLife::Examined {
  runtime::ContainerExit exit;
  bool never_ran = false;  ///< containerd was killed while it started it
};

/// What is to be known of an ended container: a worker's part.
void PodLife::examine(const Container& container, const std::string& logs,
                      const ContainerFiles& files, const CgroupLayout& cgroups,
                      const std::string& name_space, Examined& result) {
  runtime::ContainerExit& exit = result.exit;
  exit = *container.exit;
  result.never_ran = container.start_unclear && exit.exit_code == kInitFailed &&
                     start_was_cut_off(name_space, container.id);
  // The end of a short program may be known before the answer to its start.
  const bool known = container.started_at != Time{};
  exit.started = known ? std::min(container.started_at, exit.finished) : exit.finished;
  exit.attempts = container.attempt;
  exit.oom_killed = cgroups.oom_kills(container.cgroups_path) > 0;
  exit.disk_full = exit.exit_code != 0 && (is_full(files.root()) || is_full(logs));
  exit.reason = container.killed_because;
  wait_until_written(logs + container.name + ".stdout", kOutputGrace);
  if (!container.spec->tty) wait_until_written(logs + container.name + ".stderr", kOutputGrace);
  if ((exit.exit_code != kNotFound && exit.exit_code != kNotExecutable) ||
      container.arguments.empty())
    return;
  // The user's program may exit with these as well: only if it cannot be run was it the init.
  const std::string why =
      why_not_runnable(files, container.arguments.front(),
                       environment_value(container.environment, "PATH"), container.working_dir);
  if (why.empty()) return;
  exit.reason = why;
  exit.exit_code = kEmissaryFailure;
}

// Of a pod of one container all is read in one go, at its end: collect().
void PodLife::exited(std::size_t index, int status, Time at) {
  Container& container = containers_[index];
  if (container.exit || container.phase == Phase::Over) return;
  container.exit = runtime::ContainerExit{.exit_code = status, .finished = at};
  if (!several()) {
    container.phase = Phase::Over;
    return look();
  }
  ++busy_;
  auto result = std::make_shared<Examined>();
  auto self = shared_from_this();
  // `self` keeps the container alive, and the loop does not write to it while busy_. Of services_
  // only copies: the runtime may go before the worker has ended.
  services_.offload(
      [self, index, result, logs = log_directory(), bundles = bundle_of(""),
       name_space = services_.config.name_space, cgroups = services_.cgroups] {
        const Container& one = self->containers_[index];
        examine(one, logs, self->files_of(one, bundles), *cgroups, name_space, *result);
      },
      [self, index, result] {
        --self->busy_;
        if (self->settle(0)) return;
        Container& one = self->containers_[index];
        one.exit = result->exit;
        if (result->never_ran) {
          self->state_ = State::Ended;
          return self->services_.listener.on_lost(
              self->pod_.id,
              {Code::Aborted, "containerd was killed while it started container " + one.name});
        }
        const bool again = one.exit->exit_code != 0 && one.attempt < one.spec->attempts &&
                           !self->ending_ && one.killed_because.empty();
        if (!again) return self->over(index);
        self->tell_exit(index);
        self->attempt_again(index);
      });
}

/// It has its exit, and there is no attempt left.
void PodLife::over(std::size_t index) {
  // Between two attempts the exit was told.
  const bool told = containers_[index].phase == Phase::Pausing;
  containers_[index].phase = Phase::Over;
  if (!told) tell_exit(index);
  look();
}

void PodLife::collect() {
  ++busy_;
  auto result = std::make_shared<runtime::PodExit>();
  auto only = std::make_shared<Examined>();
  auto self = shared_from_this();
  auto work = [self, result, only, logs = log_directory(), bundles = bundle_of(""),
               pod_directory = services_.volumes->pod_directory(pod_.id),
               name_space = services_.config.name_space, cgroups = services_.cgroups] {
    const runtime::PodSpec& pod = self->pod_;
    for (const Container& container : self->containers_) {
      const ContainerFiles files = self->files_of(container, bundles);
      if (!self->several()) {
        examine(container, logs, files, *cgroups, name_space, *only);
        result->containers[container.name] = only->exit;
      } else if (container.exit) {
        result->containers[container.name] = *container.exit;
      }
      for (const runtime::OutputFile& output : pod.outputs) {
        if (output.container != container.name) continue;
        result->outputs.insert_or_assign(output.name, files.read(output.path));
      }
      for (const runtime::OutputArtifact& output : pod.output_artifacts) {
        if (output.container != container.name) continue;
        result->artifacts.insert_or_assign(output.name,
                                           stage_output(output, files, files.mounts(), pod_directory));
      }
    }
    if (pod.capture_stdout) {
      const std::string& main = self->containers_[self->main_container()].name;
      result->stdout_tail = read_tail(logs + main + ".stdout", kStdoutTailBytes);
    }
  };
  services_.offload(std::move(work), [self, result, only] {
    --self->busy_;
    self->state_ = State::Ended;
    if (self->settle(0)) return;
    if (only->never_ran) {
      return self->services_.listener.on_lost(
          self->pod_.id, {Code::Aborted, "containerd was killed while it started the container"});
    }
    self->services_.listener.on_exited(self->pod_.id, std::move(*result));
  });
}

ContainerFiles PodLife::files_of(const Container& container, const std::string& bundles) const {
  const auto mounts = files_.mounts.find(container.name);
  return {bundles + container.id + "/rootfs",
          mounts == files_.mounts.end() ? std::vector<BindMount>{} : mounts->second};
}

std::string PodLife::bundle_of(const std::string& id) const {
  return services_.config.containerd_state + "/io.containerd.runtime.v2.task/" +
         services_.config.name_space + "/" + id;
}

}  // namespace gantry::containerd
