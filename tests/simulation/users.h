#pragma once

// Those who submit runs and do things to them, and whoever pulls the daemon's plug. They write down what they have done,
// as far as the daemon has answered for it, for the oracle.

#include <map>
#include <string>
#include <vector>

#include "tests/simulation/oracle/oracle.h"
#include "tests/simulation/play.h"
#include "tests/simulation/watch.h"

namespace gantry::testing {

class Users {
 public:
  Users(World& world, Watch& watch, std::uint64_t seed) : world_(world), watch_(watch), seed_(seed) {}

  void submit(const std::string& run, const model::Workflow& workflow, workflow::PlanPtr plan);
  /// Until everything that began has ended, with these disturbances on the way. What waits for a user is resumed.
  void live(const std::vector<Disturbance>& disturbances);

  /// What was done to a run in its present life.
  [[nodiscard]] Interference interference(const std::string& run) const;
  [[nodiscard]] const model::Workflow& workflow_of(const std::string& run) const { return *runs_.at(run).workflow; }
  /// It went on and on.
  [[nodiscard]] bool gave_up() const { return steps_ >= kMostSteps; }

 private:
  static constexpr std::size_t kMostSteps = 200'000;
  struct Known {
    const model::Workflow* workflow = nullptr;
    workflow::PlanPtr plan;
    std::vector<Interference> lives{1};
    std::string resubmitted_from;
    bool deleted = false;
  };
  bool step();
  void disturb(const Disturbance& disturbance);
  void crash();
  void shut_down(const std::string& run, engine::Shutdown how);
  void change_nodes(const std::string& run, const Disturbance& disturbance);
  void retry(const std::string& run, std::uint64_t roll);
  void resubmit(const std::string& run);
  void remove(const std::string& run);
  bool resume_all();
  [[nodiscard]] bool is_over(const std::string& run) const;

  World& world_;
  Watch& watch_;
  std::uint64_t seed_;
  std::map<std::string, Known> runs_;
  std::size_t steps_ = 0;
  std::size_t idle_ = 0;
};

}  // namespace gantry::testing
