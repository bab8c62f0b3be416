#pragma once

// The host on which one life of the daemon follows the other: virtual time, the wall clock, the disk, the processes of
// the pods. It outlives them all. Everything that happens by chance is drawn from one seed.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "runtime/simulated/simulated_runtime.h"
#include "tests/simulation/behaviour.h"
#include "tests/simulation/generator/generator.h"
#include "tests/support/lossy_vfs.h"

namespace gantry::testing::whole {

/// What goes a little wrong all the time; per cent.
struct Temper {
  int late = 0;     ///< events of containerd that come seconds later, as when a sweep finds what no event told
  int doubled = 0;  ///< events that come again
  int slow = 0;     ///< requests that hang for seconds
  int merged = 0;   ///< tasks that share a turn of the loop with the next one
};

class Machine {
 public:
  Machine(std::uint64_t seed, Temper wanted, bool tells)
      : temper(wanted),
        dice(mix(seed, 4711)),
        disk(seed),
        pods(Time(std::chrono::hours(1)), author(seed)),
        tells_(tells) {}

  const Temper temper;
  Dice dice;
  LossyVfs disk;
  runtime::SimulatedRuntime pods;  ///< and the clock that never jumps

  [[nodiscard]] Time now() const { return pods.now(); }
  [[nodiscard]] Time wall() const { return now() + ahead_; }
  [[nodiscard]] Duration ahead() const { return ahead_; }
  void jump(Duration by) { ahead_ += by; }
  void after(Duration delay, std::function<void()> task) { pods.at(now() + delay, std::move(task)); }
  /// 0 to `most` milliseconds.
  Duration a_while(std::size_t most) { return Duration(dice.below(most + 1)); }

  void problem(const std::string& what) {
    tell("PROBLEM " + what);
    problems.push_back(what);
  }
  std::vector<std::string> problems;

  [[nodiscard]] bool tells() const { return tells_; }
  void tell(const std::string& what) {
    if (tells_) story += std::to_string(now().time_since_epoch().count() - 3'600'000) + " " + what + "\n";
  }
  std::string story;  ///< a line for each step

 private:
  const bool tells_;
  Duration ahead_{0};
};

}  // namespace gantry::testing::whole
