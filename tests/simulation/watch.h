#pragma once

// What holds at every moment, whatever is done to the world. It looks at what the engine gives out, and knows the
// workflows; it does not ask the engine how it counts.

#include <map>
#include <set>
#include <string>
#include <vector>

#include "daemon/engine/engine.h"
#include "tests/simulation/model.h"
#include "tests/simulation/world.h"

namespace gantry::testing {

class Watch {
 public:
  explicit Watch(scheduler::Amounts capacity) : capacity_(capacity) {}

  void add(const std::string& run, const model::Workflow& workflow) { runs_[run].workflow = &workflow; }
  /// An output of the engine.
  void saw(const engine::Output& output);
  /// What was not committed is void.
  void rebooted(const World& world);
  void deleted(const std::string& run);

  std::vector<std::string> problems;

 private:
  /// What a node counts for while it is not over.
  struct Share {
    bool pod = false;  ///< started, or about to be
    std::int64_t cpu_milli = 0, memory_mib = 0;
    std::vector<std::string> locks;
    std::string boundary;  ///< one of the active children of that node
  };
  struct Known {
    engine::Node node;
    Share share;
  };
  struct Watched {
    const model::Workflow* workflow = nullptr;
    std::map<std::string, Known> nodes;           ///< by full name
    std::map<std::string, std::string> names;     ///< by id
    std::map<std::string, std::size_t> children;  ///< active ones, by the id of the boundary
    std::int64_t pods = 0;
    bool holds_locks = false;
    bool retried = false;  ///< graphs that go on are taken up together, whatever the template's parallelism
    bool terminated = false, ended = false;
  };

  void complain(const std::string& what) { problems.push_back(what); }
  void forget_nodes(Watched& run);
  void take(Watched& run, const engine::Node& node);
  void count(Watched& run, const Share& share, int sign);
  void hold(Watched& run, const engine::Run& now);
  Share share_of(const Watched& run, const engine::Node& node) const;
  void check_change(const engine::Node& before, const engine::Node& after);
  void check_begin(const Watched& run, const engine::Node& node);
  void check_order(const Watched& run, const engine::Node& node);
  void check_limits();

  scheduler::Amounts capacity_;
  std::map<std::string, Watched> runs_;
  std::map<std::string, std::int64_t> held_;  ///< locks
  std::int64_t cpu_milli_ = 0, memory_mib_ = 0, pods_ = 0;
};

/// How many may hold a lock of that name.
std::int64_t limit_of(const std::string& lock);

}  // namespace gantry::testing
