#pragma once

// As much of containerd as the runtime asks for, on a socket, with tasks that are scripts: they end by themselves, or
// vanish. Answers come late and in any order, get lost before or after what was asked for is done, and connections
// break. What goes wrong with a container's calls is a function of the seed and its id.

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

namespace gantry::testing {

class FakeContainerd {
 public:
  struct Script {
    int exit_code = 0;
    std::chrono::microseconds runs{0};
    bool for_ever = false;  ///< only a signal ends it
    bool vanishes = false;  ///< instead of ending: as when its shim is killed
  };

  /// Serves until it is destroyed. `image`: the one that is there.
  FakeContainerd(const std::string& socket, const std::string& image, std::uint64_t seed);
  ~FakeContainerd();
  FakeContainerd(const FakeContainerd&) = delete;

  /// What the container's program will do; before it is started.
  void script(const std::string& container, Script script);
  /// All streams and all calls that wait end, as when containerd is killed; what they asked for stands.
  void break_connections();

  /// Waits until nothing is under way any more, once its client is gone.
  void await_idle();

  /// How often a container's program was started.
  [[nodiscard]] std::map<std::string, int> starts() const;
  /// Tasks, containers and snapshots that are there, in words.
  [[nodiscard]] std::string left() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace gantry::testing
