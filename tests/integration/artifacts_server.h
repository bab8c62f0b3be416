#pragma once

// A server that a test starts and stops: a program that prints its port and serves until its input
// ends.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

namespace gantry::artifacts {

/// A certificate for 127.0.0.1 that signs itself, and its key, in one file: server, authority and
/// client at once.
inline std::string make_certificate(const std::string& path) {
  const std::string command =
      "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=test "
      "-addext subjectAltName=IP:127.0.0.1 -keyout " +
      path + ".key -out " + path + ".crt 2> /dev/null && cat " + path + ".crt " + path + ".key > " +
      path;
  EXPECT_EQ(std::system(command.c_str()), 0);
  return path;
}

class TestServer {
 public:
  /// `port_in` finds the port in a line that the program prints (0: not in this one).
  explicit TestServer(
      const std::vector<std::string>& argv,
      const std::function<int(const std::string&)>& port_in = [](const std::string& line) {
        return std::atoi(line.c_str());
      }) {
    int in[2], out[2];
    if (::pipe2(in, O_CLOEXEC) != 0 || ::pipe2(out, O_CLOEXEC) != 0) return;
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in[0], 0);
    posix_spawn_file_actions_adddup2(&actions, out[1], 1);
    posix_spawn_file_actions_adddup2(&actions, out[1], 2);
    std::vector<char*> pointers;
    for (const auto& text : argv) pointers.push_back(const_cast<char*>(text.c_str()));
    pointers.push_back(nullptr);
    const int error =
        ::posix_spawnp(&pid_, pointers[0], &actions, nullptr, pointers.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    ::close(in[0]);
    ::close(out[1]);
    input_ = in[1];
    output_ = out[0];
    if (error != 0) pid_ = -1;
    std::string line;
    char c = 0;
    while (port_ == 0 && pid_ > 0 && ::read(output_, &c, 1) == 1) {
      if (c != '\n') {
        line += c;
        continue;
      }
      port_ = port_in(line);
      said_ += line + "\n";
      line.clear();
    }
    EXPECT_NE(port_, 0) << argv[0] << " did not start: " << said_ << line;
    // So that it never waits for somebody to read what it says.
    reader_ = std::thread([this] {
      char buffer[4096];
      for (ssize_t got; (got = ::read(output_, buffer, sizeof(buffer))) > 0;)
        said_.append(buffer, got);
    });
  }
  ~TestServer() {
    ::close(input_);
    if (pid_ > 0) {
      ::kill(pid_, SIGTERM);
      ::waitpid(pid_, nullptr, 0);
    }
    reader_.join();
    ::close(output_);
    if (::testing::Test::HasFailure()) std::cerr << said_ << std::flush;
  }
  TestServer(const TestServer&) = delete;

  [[nodiscard]] int port() const { return port_; }
  [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  [[nodiscard]] std::string host() const { return "127.0.0.1:" + std::to_string(port_); }

 private:
  pid_t pid_ = -1;
  int input_ = -1, output_ = -1, port_ = 0;
  std::string said_;
  std::thread reader_;
};

}  // namespace gantry::artifacts
