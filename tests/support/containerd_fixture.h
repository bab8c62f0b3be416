#pragma once

// A containerd of the test's own: root, state and socket in a temporary directory, ended by its
// process id. Needs root, containerd, ctr and runc; what is missing is an exception, so the test
// fails.

#include <sys/types.h>

#include <string>
#include <vector>

namespace gantry::testing {

class ContainerdFixture {
 public:
  ContainerdFixture();
  /// Kills what still runs in it, unmounts and removes everything.
  ~ContainerdFixture();
  ContainerdFixture(const ContainerdFixture&) = delete;
  ContainerdFixture& operator=(const ContainerdFixture&) = delete;

  /// Starts containerd and waits until its socket answers.
  void start();
  /// SIGKILL, and waits for its end. The containers go on.
  void kill();

  /// Runs ctr in the namespace `gantry`; its output. Throws if it fails.
  std::string ctr(const std::vector<std::string>& arguments) const;
  /// ctr's output in words.
  std::vector<std::string> ctr_words(const std::vector<std::string>& arguments) const;

  [[nodiscard]] const std::string& directory() const { return directory_; }
  [[nodiscard]] std::string socket() const { return directory_ + "/c.sock"; }
  [[nodiscard]] std::string state() const { return directory_ + "/state"; }

 private:
  std::string directory_;
  pid_t pid_ = -1;
};

/// The lines of /proc/self/mountinfo that contain `text`.
std::vector<std::string> mounts_with(const std::string& text);

}  // namespace gantry::testing
