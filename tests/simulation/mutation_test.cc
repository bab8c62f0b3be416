// The simulation can fail: each of these bugs, built into copies of the engine's sources, is found.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/simulation/mutations/mutation.h"
#include "tests/simulation/play.h"

namespace gantry::testing {

int active_mutation = 0;

std::set<int>& lost_mutations() {
  static std::set<int> lost;
  return lost;
}

bool lose_mutation(int number) { return lost_mutations().insert(number).second; }

namespace {

constexpr std::uint64_t kMostSeeds = 400;  ///< of each mode

/// The first seed of which something is found, or 0.
std::uint64_t found_at(Mode mode, std::uint64_t most) {
  for (std::uint64_t seed = 1; seed <= most; ++seed) {
    if (!play(make_play(mode, seed)).problems.empty()) return seed;
  }
  return 0;
}

struct Bug {
  int number;
  const char* what;
};

class Mutation : public ::testing::TestWithParam<Bug> {};

TEST_P(Mutation, IsFound) {
  const Bug& bug = GetParam();
  ASSERT_FALSE(lost_mutations().contains(bug.number))
      << "\"" << bug.what << "\": the place is not in the engine any more; see tests/simulation/mutations/list.cmake";
  for (Mode mode : {Mode::Undisturbed, Mode::Crashes, Mode::Users, Mode::Everything}) {
    active_mutation = bug.number;
    const std::uint64_t seed = found_at(mode, kMostSeeds);
    active_mutation = 0;
    if (seed == 0) continue;
    RecordProperty("seed", std::to_string(seed));
    std::printf("%s: found by seed %lu, %s\n", bug.what, static_cast<unsigned long>(seed), std::string(mode_name(mode)).c_str());
    EXPECT_THAT(play(make_play(mode, seed)).problems, ::testing::IsEmpty())
        << "seed " << seed << " finds that without the bug, too";
    return;
  }
  ADD_FAILURE() << bug.what << ": not found";
}

INSTANTIATE_TEST_SUITE_P(
    Simulation, Mutation,
    ::testing::Values(Bug{1, "a step keeps its locks"}, Bug{2, "one pod more than spec.parallelism"},
                      Bug{3, "continueOn is ignored"}, Bug{4, "an exit hook does not wait for the end of its step"},
                      Bug{5, "one attempt is lost"}, Bug{6, "a pod is started before the store knows"},
                      Bug{7, "one child more than a template's parallelism"}, Bug{8, "an ended pod is not removed"},
                      Bug{9, "the last item of a loop is lost"}, Bug{10, "depends is ignored"},
                      Bug{11, "the exit handler runs after terminate"}, Bug{12, "an ended pod keeps its place on the host"},
                      Bug{13, "an attempt does not wait for its backoff"}, Bug{14, "hooks at the end of a step are forgotten"}),
    [](const auto& of) { return "Bug" + std::to_string(of.param.number); });

TEST(Mutations, WithNoneAtWorkNothingIsFound) {
  for (Mode mode : {Mode::Undisturbed, Mode::Crashes, Mode::Users, Mode::Everything}) {
    EXPECT_EQ(found_at(mode, 50), 0u) << mode_name(mode);
  }
}

}  // namespace
}  // namespace gantry::testing
