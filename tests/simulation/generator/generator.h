#pragma once

// Random workflows, small ones. By concern:
//   leaf.cc          templates that call nothing: pods, daemons, containerSets, suspend
//   graph.cc         steps and DAGs
//   call.cc          one step or task: its argument, `when`, loop, hooks
//   surroundings.cc  what stands around: the workflow itself, retries, locks
//
// What would hang whatever the engine did is not made: locks are taken in one order (those of graphs before those of
// leaves, those of a later graph before those of an earlier one), and where daemons hold places the places do not run out.

#include <map>
#include <random>
#include <string>
#include <vector>

#include "tests/simulation/model.h"

namespace gantry::testing {

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : random_(seed) {}
  std::size_t below(std::size_t n) { return random_() % n; }
  bool chance(std::size_t percent) { return below(100) < percent; }
  template <class T>
  const T& pick(const std::vector<T>& from) { return from[below(from.size())]; }

 private:
  std::mt19937_64 random_;
};

class Generator {
 public:
  explicit Generator(Dice& dice) : dice_(dice) {}
  model::Workflow workflow();

 private:
  using Template = model::Template;
  using Value = model::Value;
  using Earlier = std::vector<model::Call>;  ///< what a task may refer to

  // leaf.cc
  Template pod(int number);
  Template daemon();
  Template container_set();
  Template suspend();

  // graph.cc
  Template steps(int number);
  Template dag(int number);
  Template recursion();
  model::Depends condition(const std::vector<std::string>& tasks, const Earlier& all);
  void surround_graph(Template& t, int number, const Earlier& calls);

  // call.cc
  model::Call call(const std::string& name, const Earlier& earlier, int& budget);
  std::optional<Value> argument(const std::string& callee, const Earlier& earlier, const model::Loop* loop);
  std::vector<Value> sources(const Earlier& earlier, bool plain);
  model::Loop loop(const Earlier& earlier);
  std::optional<model::Condition> when(const Earlier& earlier, const model::Loop* loop);
  model::Hook hook(const std::string& name, const model::Call& of);
  const std::string& callee(int budget);

  // surroundings.cc
  void add(Template t);
  std::optional<model::Retry> retry();
  std::vector<model::Lock> leaf_locks();
  const Template& find(const std::string& name) { return *workflow_.find(name); }

  Dice& dice_;
  model::Workflow workflow_;
  std::map<std::string, int> cost_;  ///< nodes that a call makes, about
  bool daemons_ = false;
};

model::Workflow random_workflow(std::uint64_t seed);
bool has_daemons(const model::Workflow& workflow);

}  // namespace gantry::testing
