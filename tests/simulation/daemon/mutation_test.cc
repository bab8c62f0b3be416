// The simulation of the whole daemon can fail: each of these bugs, built into copies of the sources, is found.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>

#include "tests/simulation/daemon/play.h"
#include "tests/simulation/mutations/mutation.h"

namespace gantry::testing {

int active_mutation = 0;

std::set<int>& lost_mutations() {
  static std::set<int> lost;
  return lost;
}

bool lose_mutation(int number) { return lost_mutations().insert(number).second; }

namespace whole {
namespace {

constexpr std::uint64_t kMostSeeds = 4000;

/// The first of so many seeds of which something is found, or 0.
std::uint64_t found_at(std::uint64_t first, std::uint64_t count, std::string* problem = nullptr) {
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    const Outcome outcome = play(make_play(seed));
    if (outcome.problems.empty()) continue;
    if (problem != nullptr) *problem = outcome.problems.front();
    return seed;
  }
  return 0;
}

struct Bug {
  int number;
  const char* what;
  std::uint64_t first_seed = 1;  ///< of a bug that is rarely met
};

class DaemonMutation : public ::testing::TestWithParam<Bug> {};

TEST_P(DaemonMutation, IsFound) {
  const Bug& bug = GetParam();
  ASSERT_FALSE(lost_mutations().contains(bug.number))
      << "\"" << bug.what << "\": the place is not in the sources any more; see tests/simulation/daemon/mutations/list.cmake";
  active_mutation = bug.number;
  std::string problem;
  const std::uint64_t seed = found_at(bug.first_seed, kMostSeeds, &problem);
  active_mutation = 0;
  RecordProperty("seed", std::to_string(seed));
  std::printf("%s: found by seed %lu: %s\n", bug.what, static_cast<unsigned long>(seed), problem.c_str());
  ASSERT_NE(seed, 0u) << bug.what;
  EXPECT_THAT(play(make_play(seed)).problems, ::testing::IsEmpty()) << "seed " << seed << " finds that without the bug, too";
}

INSTANTIATE_TEST_SUITE_P(
    DaemonSimulation, DaemonMutation,
    ::testing::Values(Bug{1, "a pod is started before the store has it"}, Bug{2, "pods are not labelled with the daemon's id"},
                      Bug{3, "a doubled exit is counted twice"}, Bug{4, "a workflow is acknowledged before it is stored"},
                      Bug{5, "strangers are not removed"}, Bug{6, "timers are lost at recovery"},
                      Bug{7, "it is not stored that a pod is about to be started"},
                      Bug{8, "a run is deleted and its pods are left alone"}, Bug{9, "a retried step gets the pod id of the failed one"},
                      Bug{10, "any error counts as a transient one"}, Bug{11, "claims are not removed"},
                      Bug{12, "what a full disk refused is dropped"}, Bug{13, "commits are not synced"},
                      Bug{14, "a log that a failed sync has left behind is gone on with"}, Bug{15, "running pods are not adopted"},
                      Bug{16, "a deletion is acknowledged before it is stored"},
                      Bug{17, "what happened while the disk refused is not stored"},
                      Bug{18, "pods do not say what they are made of", 77'821}),
    [](const auto& of) { return "Bug" + std::to_string(of.param.number); });

TEST(DaemonMutations, WithNoneAtWorkNothingIsFound) { EXPECT_EQ(found_at(1, 300), 0u); }

}  // namespace
}  // namespace whole
}  // namespace gantry::testing
