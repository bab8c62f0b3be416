#pragma once

// What must have come out of a run, computed the simple way: one template after the other, nothing at the same time.
// Written from what Argo Workflows says of its fields, and not from the engine.
//
// Most of it depends on nothing but the workflow and on how its pods end: there one phase is right. Where it truly depends
// on timing (a `stop` that comes at some moment, a timeout that counts the waiting, a cache that another step fills) the
// oracle looks at what happened, asks whether that was allowed, and goes on from there. So what follows from it is exact.
//
//   values.cc  texts, `when`, `depends`, items      leaf.cc   pods, containerSets, suspend
//   retry.cc   attempts, caches                     graph.cc  steps, DAGs      task.cc  members and hooks
//   run.cc     the run as a whole

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tests/simulation/behaviour.h"
#include "tests/simulation/model.h"
#include "tests/simulation/world.h"

namespace gantry::testing {

using engine::Node;
using workflow::Phase;

/// What was done to a run from outside, and when.
struct Interference {
  bool crashed = false;                  ///< the daemon, at some time during the run
  bool late = false;                     ///< the daemon heard of things long after they happened
  std::optional<Time> stopped, terminated;
  std::uint32_t retries = 0;             ///< `gantry retry`
  std::map<std::string, Phase> set;      ///< Suspend nodes that a user gave a phase, by full name
  std::set<std::string> supplied;        ///< Suspend nodes that a user gave the output x, as "given"
};

struct Case {
  const model::Workflow& workflow;
  std::uint64_t seed;
  const World::StoredRun& run;
  const Interference& interference;
  const std::vector<engine::Memo>& memos;  ///< all that were written, of all runs
  scheduler::Amounts capacity;
  bool last_memos_only = false;  ///< of each key of a cache
};

std::optional<std::string> parameter_of(const Node& node, const std::string& name);

/// What is wrong with the run, which is over; nothing when it is right.
std::vector<std::string> judge(const Case& the_case);

}  // namespace gantry::testing
