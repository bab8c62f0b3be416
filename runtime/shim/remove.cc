#include "runtime/shim/remove.h"

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>

#include "github.com/containerd/containerd/runtime/v2/runc/options/oci.pb.h"
#include "github.com/containerd/containerd/runtime/v2/task/shim.pb.h"
#include "runtime/shim/bundle.h"
#include "runtime/shim/mounts.h"
#include "runtime/shim/oci_runtime.h"
#include "runtime/shim/timestamp.h"

namespace gantry::shim {
namespace {

/// containerd waits five seconds for all of it.
constexpr Duration kRuntimeLimit = std::chrono::seconds(4);

void print(const std::string& response) {
  [[maybe_unused]] const auto written = ::write(STDOUT_FILENO, response.data(), response.size());
}

/// Runs the runtime's `delete --force` to its end.
Result<void> delete_by_force(const OciRuntime::Settings& settings, const std::string& id) {
  Loop loop;
  Children children(loop);
  OciRuntime runtime(loop, children, settings);
  Result<void> result;
  runtime.call({.arguments = {"delete", "--force", id}, .limit = kRuntimeLimit}, [&](Result<std::string> answer) {
    if (!answer) result = fail(std::move(answer.error()));
    loop.stop();
  });
  loop.run();
  return result;
}

}  // namespace

Result<void> remove(const CommandLine& line) {
  // Beside the bundle in which it runs: the directory need not be that of the container.
  const Bundle bundle(line.bundle.empty() ? (std::filesystem::current_path().parent_path() / line.id).string()
                                          : line.bundle);
  const std::string address = bundle.read("address");
  if (address.starts_with("unix://")) ::unlink(address.c_str() + 7);
  if (const std::string response = bundle.read("deleted"); !response.empty()) {
    print(response);
    return {};
  }
  ::containerd::runc::v1::Options options;
  options.ParseFromString(bundle.read("options"));
  const auto settings = OciRuntime::settings(options.binary_name(), options.root(), line.name_space, bundle.path(),
                                             options.systemd_cgroup());
  const pid_t pid = read_pid(bundle.file("init.pid"));
  struct stat info {};
  // Without this file the runtime was never called.
  if (::stat(bundle.file("runtime").c_str(), &info) == 0) {
    if (auto deleted = delete_by_force(settings, line.id); !deleted) {
      std::fprintf(stderr, "failed to remove container: %s\n", deleted.error().message.c_str());
    }
  }
  unmount_all(bundle.rootfs(), true);
  ::containerd::task::v2::DeleteResponse response;
  response.set_pid(static_cast<std::uint32_t>(pid));
  response.set_exit_status(128 + SIGKILL);
  set_time(*response.mutable_exited_at(), std::chrono::system_clock::now());
  print(response.SerializeAsString());
  return {};
}

}  // namespace gantry::shim
