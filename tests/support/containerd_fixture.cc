#include "tests/support/containerd_fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "base/unique_fd.h"

namespace gantry::testing {
namespace {

namespace fs = std::filesystem;

bool answers(const std::string& path) {
  const UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  return ::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
}

}  // namespace

ContainerdFixture::ContainerdFixture() {
  if (::geteuid() != 0) throw std::runtime_error("this test needs root");
  char pattern[] = "/tmp/gantry-ctd-XXXXXX";
  directory_ = ::mkdtemp(pattern);
  std::ofstream(directory_ + "/config.toml")
      << "version = 2\nroot = \"" << directory_ << "/root\"\nstate = \"" << state() << "\"\n"
      << "disabled_plugins = [\"io.containerd.grpc.v1.cri\", "
         "\"io.containerd.snapshotter.v1.btrfs\","
      << " \"io.containerd.snapshotter.v1.zfs\", \"io.containerd.snapshotter.v1.devmapper\","
      << " \"io.containerd.snapshotter.v1.aufs\", \"io.containerd.internal.v1.opt\","
      << " \"io.containerd.internal.v1.restart\"]\n"
      << "[grpc]\n  address = \"" << socket() << "\"\n"
      << "[ttrpc]\n  address = \"" << socket() << ".ttrpc\"\n";
  start();
}

ContainerdFixture::~ContainerdFixture() {
  try {
    if (pid_ < 0) start();
    for (const std::string& id : ctr_words({"tasks", "ls", "-q"})) {
      ctr({"tasks", "rm", "-f", id});
    }
  } catch (const std::exception&) {
    // The test has failed already; what can be cleared away is.
  }
  kill();
  const auto left = mounts_with(directory_);
  for (auto line = left.rbegin(); line != left.rend(); ++line) {
    std::istringstream fields(*line);
    std::string point;
    for (int i = 0; i < 5; ++i) fields >> point;
    ::umount2(point.c_str(), MNT_DETACH);
  }
  std::error_code ignored;
  // To look at what went wrong: GANTRY_KEEP_CONTAINERD_LOG=FILE.
  if (const char* copy = std::getenv("GANTRY_KEEP_CONTAINERD_LOG")) {
    fs::copy_file(directory_ + "/containerd.log", copy, fs::copy_options::overwrite_existing,
                  ignored);
  }
  fs::remove_all(directory_, ignored);
}

void ContainerdFixture::start() {
  const std::string config = directory_ + "/config.toml", log = directory_ + "/containerd.log";
  pid_ = ::fork();
  if (pid_ == 0) {
    const int fd = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
    ::dup2(fd, 1);
    ::dup2(fd, 2);
    ::setsid();
    ::execlp("containerd", "containerd", "-c", config.c_str(), nullptr);
    ::_exit(127);
  }
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (!answers(socket())) {
    int status = 0;
    if (::waitpid(pid_, &status, WNOHANG) == pid_) {
      pid_ = -1;
      throw std::runtime_error("containerd ended at once; is it installed?");
    }
    if (std::chrono::steady_clock::now() > end) throw std::runtime_error("containerd is silent");
    // Nothing tells when a socket begins to listen.
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

void ContainerdFixture::kill() {
  if (pid_ < 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

std::string ContainerdFixture::ctr(const std::vector<std::string>& arguments) const {
  std::string command = "ctr -a " + socket() + " -n gantry";
  for (const std::string& argument : arguments) command += " '" + argument + "'";
  command += " 2>&1";
  FILE* pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr) throw std::runtime_error("popen");
  std::string output;
  char buffer[4096];
  while (const std::size_t got = ::fread(buffer, 1, sizeof(buffer), pipe)) {
    output.append(buffer, got);
  }
  if (::pclose(pipe) != 0) throw std::runtime_error(command + ": " + output);
  return output;
}

std::vector<std::string> ContainerdFixture::ctr_words(
    const std::vector<std::string>& arguments) const {
  std::istringstream text(ctr(arguments));
  std::vector<std::string> words;
  for (std::string word; text >> word;) words.push_back(word);
  return words;
}

std::vector<std::string> mounts_with(const std::string& text) {
  std::ifstream file("/proc/self/mountinfo");
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) {
    if (line.find(text) != std::string::npos) lines.push_back(line);
  }
  return lines;
}

}  // namespace gantry::testing
