#include "workflow/topology.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gantry::workflow {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(Topology, HasRowsCountsHeightsAndRoots) {
  const std::vector<std::pair<Index, Index>> edges = {{0, 2}, {0, 1}, {1, 3}, {2, 3}, {0, 1}, {3, 4}, {0, 4}};
  const Topology topology = build_topology(6, edges);
  EXPECT_EQ(topology.task_count(), 6u);
  EXPECT_THAT(topology.dependency_count, ElementsAre(0, 1, 1, 2, 2, 0));
  EXPECT_THAT(topology.first_successor, ElementsAre(0, 3, 4, 5, 6, 6, 6));
  EXPECT_THAT(topology.successors_of(0), ElementsAre(2, 1, 4)) << "in the order of the pairs, the doubled one once";
  EXPECT_THAT(topology.successors_of(3), ElementsAre(4));
  EXPECT_THAT(topology.successors_of(5), IsEmpty());
  EXPECT_THAT(topology.height, ElementsAre(4, 3, 3, 2, 1, 1));
  EXPECT_THAT(topology.roots(), ElementsAre(0, 5));
  EXPECT_EQ(topology.ends, 2u) << "4 and 5";
}

TEST(Topology, TakesGraphsWithoutEdgesAndWithoutTasks) {
  const Topology nothing = build_topology(0, {});
  EXPECT_THAT(nothing.first_successor, ElementsAre(0));
  EXPECT_THAT(nothing.roots(), IsEmpty());
  const Topology two = build_topology(2, {});
  EXPECT_THAT(two.height, ElementsAre(1, 1));
  EXPECT_THAT(two.successors_of(1), IsEmpty());
  EXPECT_THAT(two.roots(), ElementsAre(0, 1));
  EXPECT_EQ(two.ends, 2u);
}

TEST(Topology, LongChainsDoNotRecurse) {
  constexpr Index kCount = 200'000;
  std::vector<std::pair<Index, Index>> edges;
  for (Index i = kCount - 1; i > 0; --i) edges.emplace_back(i, i - 1);  // against the written order
  const Topology topology = build_topology(kCount, edges);
  EXPECT_EQ(topology.height[kCount - 1], kCount);
  EXPECT_EQ(topology.height[0], 1u);
}

}  // namespace
}  // namespace gantry::workflow
