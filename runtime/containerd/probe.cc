#include "runtime/containerd/probe.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "runtime/containerd/child_process.h"

namespace gantry::containerd {
namespace {

/// For crun, which has an alternative, and for questions.
constexpr Duration kQuick = std::chrono::seconds(2);
/// For a runtime that nothing can replace: a busy host is no reason to refuse it.
constexpr Duration kPatient = std::chrono::seconds(5);

// What /bin/true needs, on hosts with and without a merged /usr.
constexpr const char* kHostDirectories[] = {"/usr", "/bin", "/lib", "/lib64"};

// The least that shows the difference: namespaces, a cgroup with a limit, and a program of the
// host, whose directories are bound read-only into an empty root (the host's own root cannot be
// pivoted into).
std::string bundle_config(const std::string& id) {
  // A tmpfs for /dev, because the runtimes make devices there, which must not stay behind.
  std::string mounts = R"({"destination": "/proc", "type": "proc", "source": "proc"},
    {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]})";
  for (const char* directory : kHostDirectories) {
    if (::access(directory, F_OK) != 0) continue;
    mounts += std::string(", {\"destination\": \"") + directory +
              R"(", "type": "bind", "source": ")" + directory + R"(", "options": ["rbind", "ro"]})";
  }
  return R"({
  "ociVersion": "1.0.2",
  "process": {
    "user": {"uid": 0, "gid": 0},
    "args": ["/bin/true"],
    "env": ["PATH=/usr/bin:/bin"],
    "cwd": "/",
    "noNewPrivileges": true
  },
  "root": {"path": "rootfs"},
  "mounts": [)" +
         mounts + R"(],
  "linux": {
    "cgroupsPath": "/)" +
         id + R"(",
    "resources": {"pids": {"limit": 64}},
    "namespaces": [{"type": "pid"}, {"type": "mount"}, {"type": "ipc"}, {"type": "uts"}]
  }
}
)";
}

/// Removes the bundle. Directory by directory, never recursively where the host's directories are
/// bound: should such a mount have leaked, rmdir refuses it.
void remove_bundle(const std::string& bundle) {
  std::error_code error;
  std::filesystem::remove_all(bundle + "/state", error);
  ::unlink((bundle + "/config.json").c_str());
  for (const char* directory : kHostDirectories) ::rmdir((bundle + "/rootfs" + directory).c_str());
  // What the runtimes make in a root by themselves.
  for (const char* directory : {"/proc", "/dev", "/sys"})
    ::rmdir((bundle + "/rootfs" + directory).c_str());
  ::rmdir((bundle + "/rootfs").c_str());
  ::rmdir(bundle.c_str());
}

std::string first_line(std::string_view text) {
  return std::string(text.substr(0, text.find('\n')));
}

/// The last line that says something: runtimes log first and fail then.
std::string last_line(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.remove_suffix(1);
  const auto begin = text.rfind('\n');
  return std::string(begin == std::string_view::npos ? text : text.substr(begin + 1));
}

/// The runtimes remove a container's cgroup themselves, unless they fail half way.
void remove_cgroup(const std::string& id) {
  std::error_code error;
  const std::filesystem::path root = "/sys/fs/cgroup";
  ::rmdir((root / id).c_str());  // version 2; below are version 1's hierarchies
  for (std::filesystem::directory_iterator entry(root, error), end; !error && entry != end;
       entry.increment(error)) {
    ::rmdir((entry->path() / id).c_str());
  }
}

/// Runs a container of nothing. Empty if all went well, otherwise why not.
std::string try_runtime(const std::string& binary, Duration timeout) {
  std::string bundle = "/tmp/gantry-probe-XXXXXX";
  if (::mkdtemp(bundle.data()) == nullptr) return errno_error("mkdtemp " + bundle, errno).message;
  const std::string id = "gantry-probe-" + random_suffix(8);
  std::string why;
  {
    ::mkdir((bundle + "/rootfs").c_str(), 0755);
    std::ofstream out(bundle + "/config.json");
    out << bundle_config(id);
    if (!out.flush()) why = "cannot write " + bundle + "/config.json";
  }
  // State of its own: neither seen by nor mixed up with anybody's containers.
  const std::vector<std::string> base = {binary, "--root", bundle + "/state"};
  const auto with = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), base.begin(), base.end());
    return arguments;
  };
  if (why.empty()) {
    auto ended = run_program(with({"run", "--bundle", bundle, id}), timeout, -1);
    if (!ended) {
      why = ended.error().message;
    } else if (ended->exit_code != 0) {
      why = last_line(ended->output);
      if (why.empty()) why = "it ended with exit code " + std::to_string(ended->exit_code);
    }
  }
  // `run` deletes what ended well; after a failure or a timeout something may be left.
  if (!why.empty()) (void)run_program(with({"delete", "--force", id}), kQuick, -1);
  remove_cgroup(id);
  remove_bundle(bundle);
  return why;
}

Result<OciRuntime> try_named(const std::string& name, Duration timeout) {
  auto binary = find_program(name);
  if (!binary) return fail(binary.error());
  std::string why = try_runtime(*binary, timeout);
  if (!why.empty()) {
    return fail(Code::FailedPrecondition, *binary + " cannot run containers on this host: " + why);
  }
  auto version = run_program({*binary, "--version"}, kQuick, -1);
  return OciRuntime{*binary, version ? first_line(version->output) : std::string(), {}};
}

}  // namespace

Result<OciRuntime> probe_oci_runtime(const std::string& setting) {
  if (!setting.empty() && setting != "auto") return try_named(setting, kPatient);
  auto crun = try_named("crun", kQuick);
  if (crun) return crun;
  auto runc = try_named("runc", kPatient);
  if (runc) {
    runc->why_not_crun = std::move(crun.error().message);
    return runc;
  }
  // Neither: what is wrong with runc is what an operator would want to cure, crun is only faster.
  return fail(
      Error(runc.error()).wrap("no OCI runtime works (crun: " + crun.error().message + ")"));
}

void probe_oci_runtime(Executor& executor, const std::string& setting,
                       std::function<void(Result<OciRuntime>)> done) {
  auto result = std::make_shared<std::optional<Result<OciRuntime>>>();
  executor.offload([result, setting] { *result = probe_oci_runtime(setting); },
                   [result, done = std::move(done)] { done(std::move(**result)); });
}

}  // namespace gantry::containerd
