#include "daemon/artifacts/program.h"

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
#include <optional>

#include "base/unique_fd.h"

// glibc 2.36 (Debian 12) forgot that C++ may include it.
extern "C" {
#include <sys/pidfd.h>
}

namespace gantry::artifacts {
namespace {

constexpr std::size_t kKeepOutput = 64 * 1024;

std::vector<char*> pointers(const std::vector<std::string>& strings) {
  std::vector<char*> result;
  for (const auto& text : strings) result.push_back(const_cast<char*>(text.c_str()));
  result.push_back(nullptr);
  return result;
}

struct Pipe {
  UniqueFd read, write;
};

Result<Pipe> make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return fail(errno_error("pipe", errno));
  ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
  return Pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

std::string search_path(const Program& program) {
  for (const std::string& variable : program.environment) {
    if (variable.starts_with("PATH=")) return variable.substr(5);
  }
  return "/usr/local/bin:/usr/bin:/bin";
}

Result<std::string> find(const Program& program) {
  const std::string& name = program.argv.at(0);
  if (name.find('/') != std::string::npos) return name;
  const std::string path = search_path(program);
  for (std::size_t begin = 0; begin <= path.size();) {
    const auto end = std::min(path.find(':', begin), path.size());
    std::string candidate = path.substr(begin, end - begin) + "/" + name;
    if (candidate.front() == '/' && ::access(candidate.c_str(), X_OK) == 0) return candidate;
    begin = end + 1;
  }
  return fail(Code::FailedPrecondition, "program " + name + " is not installed");
}

Result<pid_t> spawn(const Program& program, int output, int errors) {
  auto path = find(program);
  if (!path) return fail(std::move(path.error()));
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, output, 1);
  posix_spawn_file_actions_adddup2(&actions, errors, 2);
  posix_spawn_file_actions_addclosefrom_np(&actions, 3);
  posix_spawn_file_actions_addchdir_np(&actions, program.directory.c_str());
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none, every;
  sigemptyset(&none);
  sigfillset(&every);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &every);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes,
                           POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  pid_t pid = -1;
  const int error =
      ::posix_spawn(&pid, path->c_str(), &actions, &attributes, pointers(program.argv).data(),
                    pointers(program.environment).data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) return fail(errno_error("start " + *path, error));
  return pid;
}

/// Appends what there is to read. False: the other end is closed.
bool drain(int fd, std::string& text) {
  std::array<char, 16 * 1024> buffer;
  for (;;) {
    const ssize_t got = ::read(fd, buffer.data(), buffer.size());
    if (got < 0) return errno == EAGAIN || errno == EINTR;
    if (got == 0) return false;
    text.append(buffer.data(), static_cast<std::size_t>(got));
    if (text.size() > 2 * kKeepOutput) text.erase(0, text.size() - kKeepOutput);
  }
}

}  // namespace

Result<ProgramExit> run(const Program& program, Duration timeout, int cancel) {
  auto output = make_pipe(), errors = make_pipe();
  if (!output || !errors) return fail(Code::ResourceExhausted, "no pipe for a program");
  auto pid = spawn(program, output->write.get(), errors->write.get());
  output->write.reset();
  errors->write.reset();
  if (!pid) return fail(std::move(pid.error()));
  const UniqueFd pidfd(::pidfd_open(*pid, 0));
  std::optional<Error> stopped;
  if (!pidfd.valid()) stopped = errno_error("pidfd_open", errno);

  ProgramExit result;
  // The end of the program counts, not the end of its output: a grandchild may keep the pipe open.
  bool output_open = true, errors_open = true;
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  while (!stopped) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    pollfd polled[] = {{pidfd.get(), POLLIN, 0},
                       {output_open ? output->read.get() : -1, POLLIN, 0},
                       {errors_open ? errors->read.get() : -1, POLLIN, 0},
                       {cancel, POLLIN, 0}};
    const int ready =
        ::poll(polled, 4, static_cast<int>(std::clamp<long>(left.count(), 0, 1 << 30)));
    if (ready < 0 && errno == EINTR) continue;
    if (ready < 0) stopped = errno_error("poll", errno);
    if (ready == 0) stopped = Error{Code::DeadlineExceeded, "it took too long"};
    if (polled[3].revents != 0) stopped = Error{Code::Cancelled, "it was cancelled"};
    if (polled[1].revents != 0) output_open = drain(output->read.get(), result.output);
    if (polled[2].revents != 0) errors_open = drain(errors->read.get(), result.errors);
    if (polled[0].revents != 0) break;
  }
  // Not yet waited for, so the group's number is still ours; what the program has left running ends
  // with it.
  ::kill(-*pid, SIGKILL);
  int status = 0;
  while (::waitpid(*pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (stopped) return fail(*std::move(stopped));
  drain(output->read.get(), result.output);
  drain(errors->read.get(), result.errors);
  for (std::string* text : {&result.output, &result.errors}) {
    if (text->size() > kKeepOutput) text->erase(0, text->size() - kKeepOutput);
  }
  result.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return result;
}

}  // namespace gantry::artifacts
