#include "process.h"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/wait.h>

#include <cstdio>
#include <cstdlib>

namespace gantry::cli {

Process::Process(const std::vector<std::string>& arguments, const Options& options) {
  std::vector<std::string> words{GANTRY_COMMAND};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  std::vector<std::string> settings{"TERM=xterm-256color", "TZ=UTC", "PATH=/usr/bin:/bin"};
  for (const auto& [key, value] : options.environment) settings.push_back(key + "=" + value);
  std::vector<char*> environment;
  for (std::string& setting : settings) environment.push_back(setting.data());
  environment.push_back(nullptr);

  int in[2], out[2], err[2];
  if (options.terminal) {
    winsize size{.ws_row = 24, .ws_col = 80, .ws_xpixel = 0, .ws_ypixel = 0};
    int master = -1;
    pid_ = ::forkpty(&master, nullptr, nullptr, &size);
    if (pid_ == 0) {
      ::execve(argv[0], argv.data(), environment.data());
      ::_exit(127);
    }
    out_.reset(master);
    return;
  }
  if (::pipe2(in, O_CLOEXEC) != 0 || ::pipe2(out, O_CLOEXEC) != 0 || ::pipe2(err, O_CLOEXEC) != 0) {
    std::abort();
  }
  pid_ = ::fork();
  if (pid_ == 0) {
    ::dup2(in[0], 0);
    ::dup2(out[1], 1);
    ::dup2(err[1], 2);
    ::execve(argv[0], argv.data(), environment.data());
    ::_exit(127);
  }
  ::close(in[0]);
  ::close(out[1]);
  ::close(err[1]);
  if (!options.input.empty() && ::write(in[1], options.input.data(), options.input.size()) !=
                                    static_cast<ssize_t>(options.input.size())) {
    std::abort();
  }
  ::close(in[1]);
  out_.reset(out[0]);
  err_.reset(err[0]);
}

Process::~Process() {
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
}

void Process::signal(int number) const { ::kill(pid_, number); }

bool Process::read_some() {
  pollfd events[2] = {{out_.get(), POLLIN, 0}, {err_.get(), POLLIN, 0}};
  if (!out_.valid() && !err_.valid()) return false;
  constexpr int kPatienceMs = 10'000;
  if (::poll(events, 2, kPatienceMs) <= 0) return false;
  auto take = [](pollfd& event, UniqueFd& fd, std::string& into) {
    if (event.revents == 0) return;
    char buffer[4096];
    ssize_t got = ::read(fd.get(), buffer, sizeof buffer);
    if (got > 0) {
      into.append(buffer, static_cast<std::size_t>(got));
    } else {
      fd.reset();  // a terminal whose last user is gone says EIO
    }
  };
  take(events[0], out_, outcome_.out);
  take(events[1], err_, outcome_.err);
  return true;
}

bool Process::read_until(const std::string& text) {
  while (outcome_.out.find(text) == std::string::npos) {
    if (!read_some()) return false;
  }
  return true;
}

Outcome Process::wait() {
  while (read_some()) {
  }
  bool stuck = out_.valid() || err_.valid();
  if (stuck) ::kill(pid_, SIGKILL);
  int status = 0;
  ::waitpid(pid_, &status, 0);
  pid_ = -1;
  outcome_.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return outcome_;
}

Outcome run(const std::vector<std::string>& arguments, const Process::Options& options) {
  return Process(arguments, options).wait();
}

}  // namespace gantry::cli
