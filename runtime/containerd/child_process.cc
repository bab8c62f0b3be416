#include "runtime/containerd/child_process.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <optional>
#include <string_view>
#include <utility>

// glibc 2.36 (Debian 12) forgot that C++ may include it.
extern "C" {
#include <sys/pidfd.h>
}

extern char**
    environ;  // NOLINT(readability-redundant-declaration): unistd.h has it under _GNU_SOURCE only

namespace gantry::containerd {
namespace {

constexpr std::string_view kSystemPath =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
constexpr std::size_t kKeepOutput = 64 * 1024;

std::string search_path() {
  const char* path = std::getenv("PATH");
  return path != nullptr && *path != '\0' ? std::string(path) + ":" + std::string(kSystemPath)
                                          : std::string(kSystemPath);
}

std::vector<std::string> child_environment() {
  std::vector<std::string> result;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const auto is = [&](std::string_view name) { return text.starts_with(name); };
    if (is("PATH=") || is("NOTIFY_SOCKET=") || is("WATCHDOG_") || is("LISTEN_")) continue;
    result.emplace_back(text);
  }
  result.push_back("PATH=" + search_path());
  return result;
}

std::vector<char*> pointers(const std::vector<std::string>& strings) {
  std::vector<char*> result;
  for (const auto& text : strings) result.push_back(const_cast<char*>(text.c_str()));
  result.push_back(nullptr);
  return result;
}

/// Gives complete lines to `on_line` and keeps the rest in `line`.
void take_lines(std::string& line, std::string_view data,
                const std::function<void(std::string_view)>& on_line) {
  for (const char c : data) {
    if (c == '\n' || c == '\r') {
      if (!line.empty()) on_line(line);
      line.clear();
    } else if (line.size() < 4096) {
      line.push_back(c);
    }
  }
}

}  // namespace

Result<std::string> find_program(const std::string& program) {
  if (program.find('/') != std::string::npos) {
    if (::access(program.c_str(), X_OK) == 0) return program;
    return fail(errno_error("program " + program, errno));
  }
  std::string path = search_path();
  for (std::size_t begin = 0; begin <= path.size();) {
    const auto end = std::min(path.find(':', begin), path.size());
    const std::string candidate = path.substr(begin, end - begin) + "/" + program;
    if (candidate.front() == '/' && ::access(candidate.c_str(), X_OK) == 0) return candidate;
    begin = end + 1;
  }
  return fail(Code::NotFound, "program " + program + " is not installed (looked in " + path + ")");
}

Result<pid_t> spawn(const std::vector<std::string>& argv, int stdout_fd, int stderr_fd,
                    bool new_session, const ProgramInput& input) {
  auto program = find_program(argv.at(0));
  if (!program) return fail(program.error());

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  if (input.standard_input >= 0) {
    posix_spawn_file_actions_adddup2(&actions, input.standard_input, 0);
  } else {
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  }
  posix_spawn_file_actions_adddup2(&actions, stdout_fd, 1);
  posix_spawn_file_actions_adddup2(&actions, stderr_fd, 2);
  posix_spawn_file_actions_addclosefrom_np(&actions, 3);
  posix_spawn_file_actions_addchdir_np(&actions, "/");

  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none, every;
  sigemptyset(&none);
  sigfillset(&every);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &every);
  posix_spawnattr_setpgroup(&attributes, 0);
  const int flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                    (new_session ? POSIX_SPAWN_SETSID : POSIX_SPAWN_SETPGROUP);
  posix_spawnattr_setflags(&attributes, static_cast<short>(flags));

  auto environment = child_environment();
  environment.insert(environment.end(), input.environment.begin(), input.environment.end());
  pid_t pid = -1;
  const int error = ::posix_spawn(&pid, program->c_str(), &actions, &attributes,
                                  pointers(argv).data(), pointers(environment).data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) return fail(errno_error("start " + *program, error));
  return pid;
}

Result<UniqueFd> open_pidfd(pid_t pid) {
  UniqueFd fd(::pidfd_open(pid, 0));
  if (!fd.valid()) return fail(errno_error("pidfd_open " + std::to_string(pid), errno));
  return fd;
}

Result<ProgramExit> run_program(const std::vector<std::string>& argv, Duration timeout, int cancel,
                                const std::function<void(std::string_view)>& on_line,
                                const ProgramInput& input) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return fail(errno_error("pipe", errno));
  UniqueFd read_end(ends[0]), write_end(ends[1]);
  auto pid = spawn(argv, write_end.get(), write_end.get(), false, input);
  write_end.reset();
  if (!pid) return fail(pid.error());
  auto pidfd = open_pidfd(*pid);
  if (!pidfd) {
    ::kill(-*pid, SIGKILL);
    ::waitpid(*pid, nullptr, 0);
    return fail(pidfd.error());
  }

  ProgramExit result;
  std::string line;
  std::array<char, 16 * 1024> buffer;
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  std::optional<Error> stopped;
  // The end of the program counts, not the end of its output: a grandchild may keep the pipe open
  // for ever.
  bool output_open = true;
  const auto drain = [&] {
    const ssize_t got = ::read(read_end.get(), buffer.data(), buffer.size());
    if (got <= 0) {
      output_open = got < 0 && (errno == EAGAIN || errno == EINTR);
      return false;
    }
    const std::string_view data(buffer.data(), static_cast<std::size_t>(got));
    result.output.append(data);
    if (result.output.size() > 2 * kKeepOutput) {
      result.output.erase(0, result.output.size() - kKeepOutput);
    }
    if (on_line) take_lines(line, data, on_line);
    return true;
  };
  ::fcntl(read_end.get(), F_SETFL, O_NONBLOCK);
  for (;;) {
    const auto left =
        std::chrono::duration_cast<Duration>(deadline - std::chrono::steady_clock::now());
    pollfd polled[] = {{pidfd->get(), POLLIN, 0},
                       {output_open ? read_end.get() : -1, POLLIN, 0},
                       {cancel, POLLIN, 0}};
    const int ready =
        ::poll(polled, 3, static_cast<int>(std::clamp<long>(left.count(), 0, 1 << 30)));
    if (ready < 0 && errno != EINTR) stopped = errno_error("poll", errno);
    if (ready == 0) {
      stopped = Error{Code::DeadlineExceeded, argv[0] + " did not end within " +
                                                  std::to_string(timeout.count() / 1000) + " s"};
    }
    if (polled[2].revents != 0) stopped = Error{Code::Cancelled, argv[0] + " was cancelled"};
    if (stopped) break;
    if (polled[1].revents != 0) drain();
    if (polled[0].revents != 0) break;
  }
  if (stopped) ::kill(-*pid, SIGKILL);
  int status = 0;
  while (::waitpid(*pid, &status, 0) < 0 && errno == EINTR) {
  }
  while (drain()) {
  }
  if (stopped) return fail(*std::move(stopped));
  if (on_line && !line.empty()) on_line(line);
  if (result.output.size() > kKeepOutput) {
    result.output.erase(0, result.output.size() - kKeepOutput);
  }
  result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return result;
}

}  // namespace gantry::containerd
