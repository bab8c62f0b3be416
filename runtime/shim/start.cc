#include "runtime/shim/start.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <fstream>

#include "base/io.h"
#include "github.com/containerd/containerd/runtime/v2/runc/options/oci.pb.h"
#include "google/protobuf/any.pb.h"
#include "runtime/shim/bundle.h"
#include "runtime/shim/runtime_log.h"
#include "runtime/shim/serve.h"
#include "runtime/shim/socket.h"

namespace gantry::shim {
namespace {

namespace fs = std::filesystem;

/// The kernel should sooner end the shim than containerd, and whatever containerd's own is worth.
void adjust_oom_score(pid_t pid) {
  constexpr int kHighest = 1000;
  const std::string text = read_from("/proc/" + std::to_string(::getppid()) + "/oom_score_adj", 0);
  int score = 0;
  std::from_chars(text.data(), text.data() + text.size(), score);
  std::ofstream("/proc/" + std::to_string(pid) + "/oom_score_adj") << std::min(score + 1, kHighest);
}

/// The cgroup must be there. On version 1 it is one in each hierarchy.
Result<void> join_cgroup(const std::string& cgroup, pid_t pid) {
  const fs::path root = "/sys/fs/cgroup";
  std::error_code error;
  int joined = 0;
  const auto join = [&](const fs::path& hierarchy) {
    std::ofstream file(hierarchy / fs::path(cgroup).relative_path() / "cgroup.procs");
    if (file << pid << std::flush) ++joined;
  };
  if (fs::exists(root / "cgroup.controllers", error)) {
    join(root);
  } else {
    for (const auto& entry : fs::directory_iterator(root, error)) {
      if (entry.is_directory(error) && !entry.is_symlink(error)) join(entry.path());
    }
  }
  if (joined == 0) return fail(Code::NotFound, "failed to join cgroup " + cgroup);
  return {};
}

}  // namespace

Result<void> start(const CommandLine& line) {
  const Bundle bundle(fs::current_path().string());
  std::string path;
  auto listener = listen_for(line.address + "\n" + line.name_space + "\n" + line.id, path);
  if (!listener) return fail(std::move(listener.error()).wrap("create new shim socket"));
  const std::string address = "unix://" + path;
  const auto given_up = [&](Error error) {
    ::unlink(path.c_str());
    return fail(std::move(error));
  };
  if (auto written = bundle.write("address", address); !written) return given_up(written.error());
  const pid_t pid = ::fork();
  if (pid < 0) return given_up(errno_error("fork", errno));
  if (pid == 0) {
    ::setpgid(0, 0);
    // containerd reads what `start` prints until nobody can print any more.
    const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = 0; fd < 3; ++fd) ::dup2(null, fd);
    ::close(null);
    serve(line, bundle, std::move(*listener), path);
  }
  constexpr std::size_t kMostOptions = 1 << 20;
  const std::string input = read_all(STDIN_FILENO, kMostOptions).value_or("");
  google::protobuf::Any any;
  ::containerd::runc::v1::Options options;
  if (any.ParseFromString(input) && any.type_url().ends_with(options.GetTypeName()) &&
      options.ParseFromString(any.value()) && !options.shim_cgroup().empty()) {
    if (auto joined = join_cgroup(options.shim_cgroup(), pid); !joined) {
      ::kill(pid, SIGKILL);
      return given_up(joined.error());
    }
  }
  adjust_oom_score(pid);
  if (::write(STDOUT_FILENO, address.data(), address.size()) < 0) return given_up(errno_error("write", errno));
  return {};
}

}  // namespace gantry::shim
