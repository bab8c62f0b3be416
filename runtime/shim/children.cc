#include "runtime/shim/children.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

extern char** environ;

namespace gantry::shim {
namespace {

// runc takes it for an invitation to speak to systemd.
constexpr std::string_view kNotForRuntimes = "NOTIFY_SOCKET=";

std::vector<char*> environment() {
  std::vector<char*> words;
  for (char** word = environ; *word != nullptr; ++word) {
    if (!std::string_view(*word).starts_with(kNotForRuntimes)) words.push_back(*word);
  }
  words.push_back(nullptr);
  return words;
}

/// In the child of vfork(), which shares the parent's memory: system calls only.
[[noreturn]] void execute(char* const* argv, char* const* environment, const int (&io)[3],
                          volatile int& error) {
  // A descriptor below 3 would be overwritten before it is copied; the shim has none that it passes on.
  for (int i = 0; i < 3; ++i) ::dup2(io[i], i);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::execvpe(argv[0], argv, environment);
  error = errno;
  ::_exit(127);
}

Exit exit_of(int wait_status) {
  const int code = WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
  return {code, std::chrono::system_clock::now()};
}

}  // namespace

Children::Children(Loop& loop) : loop_(loop), null_(::open("/dev/null", O_RDWR | O_CLOEXEC)) {
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, SIGCHLD);
  ::sigaddset(&set, SIGPIPE);  // a write says it
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  ::sigdelset(&set, SIGPIPE);
  signals_.reset(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  loop_.watch(signals_.get(), EPOLLIN, [this](std::uint32_t) {
    signalfd_siginfo info;
    while (::read(signals_.get(), &info, sizeof(info)) > 0) {
    }
    reap();
  });
}

Children::~Children() { loop_.forget(signals_.get()); }

Result<pid_t> Children::start(const std::vector<std::string>& argv, const Io& io, Done done) {
  std::vector<char*> words;
  for (const std::string& word : argv) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  const auto variables = environment();
  const int wanted[3] = {io.in, io.out, io.err};
  int descriptors[3];
  for (int i = 0; i < 3; ++i) descriptors[i] = wanted[i] >= 0 ? wanted[i] : null_.get();
  volatile int error = 0;
  const pid_t pid = ::vfork();
  if (pid == 0) execute(words.data(), variables.data(), descriptors, error);
  if (pid < 0) return fail(errno_error("fork", errno));
  if (error != 0) {
    ::waitpid(pid, nullptr, 0);
    return fail(errno_error("exec " + argv[0], error));
  }
  awaited_[pid] = std::move(done);
  return pid;
}

void Children::adopt(pid_t pid, Done done) {
  const auto ended = unclaimed_.find(pid);
  if (ended == unclaimed_.end()) {
    awaited_[pid] = std::move(done);
    return;
  }
  loop_.post([done = std::move(done), exit = ended->second] { done(exit); });
  unclaimed_.erase(ended);
}

void Children::release() {
  if (--holds_ == 0) unclaimed_.clear();
}

void Children::reap() {
  int status = 0;
  for (pid_t pid; (pid = ::waitpid(-1, &status, WNOHANG)) > 0;) {
    const Exit exit = exit_of(status);
    const auto found = awaited_.find(pid);
    if (found != awaited_.end()) {
      const Done done = std::move(found->second);
      awaited_.erase(found);
      done(exit);
    } else if (holds_ > 0) {
      unclaimed_[pid] = exit;
    }
  }
}

}  // namespace gantry::shim
