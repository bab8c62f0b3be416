#include "workflow/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gantry::workflow {
namespace {

using testing::ElementsAre;

TEST(BuildEdges, FillsRowsCountsAndHeights) {
  Graph graph;
  graph.tasks.resize(5);
  const std::vector<std::pair<Index, Index>> edges = {{0, 2}, {0, 1},     {1, 3}, {2, 3},
                                                      {0, 1}, {3, 0 + 4}, {0, 4}};
  build_edges(graph, edges);
  EXPECT_THAT(graph.dependency_count, ElementsAre(0, 1, 1, 2, 2));
  EXPECT_THAT(graph.first_successor, ElementsAre(0, 3, 4, 5, 6, 6));
  EXPECT_THAT(graph.successors, ElementsAre(2, 1, 4, 3, 3, 4));
  EXPECT_THAT(graph.height, ElementsAre(4, 3, 3, 2, 1));
}

TEST(BuildEdges, TakesGraphsWithoutEdgesAndWithoutTasks) {
  Graph graph;
  build_edges(graph, {});
  EXPECT_THAT(graph.first_successor, ElementsAre(0));
  graph.tasks.resize(2);
  build_edges(graph, {});
  EXPECT_THAT(graph.height, ElementsAre(1, 1));
  EXPECT_TRUE(graph.successors_of(1).empty());
}

TEST(BuildEdges, LongChainsDoNotRecurse) {
  constexpr Index kCount = 200'000;
  Graph graph;
  graph.tasks.resize(kCount);
  std::vector<std::pair<Index, Index>> edges;
  for (Index i = kCount - 1; i > 0; --i) edges.emplace_back(i, i - 1);  // against the written order
  build_edges(graph, edges);
  EXPECT_EQ(graph.height[kCount - 1], kCount);
  EXPECT_EQ(graph.height[0], 1u);
}

}  // namespace
}  // namespace gantry::workflow
