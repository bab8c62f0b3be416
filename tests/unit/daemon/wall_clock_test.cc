#include "daemon/wall_clock.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace gantry {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(WallClock, TellsOfBeingSetAndNotOfTimeThatPasses) {
  Time wall{1'000'000s}, passed{5s};
  std::vector<Duration> set;
  WallClock clock([&] { return wall; }, [&] { return passed; }, [&](Duration by) { set.push_back(by); });
  for (int i = 0; i < 100; ++i) {
    wall += 1h + 1ms;  // NTP is faster by a little
    passed += 1h;
    EXPECT_EQ(clock.now(), wall);
  }
  EXPECT_THAT(set, IsEmpty());
  wall += 1h;
  EXPECT_EQ(clock.now(), wall);
  wall -= 90min;
  passed += 1s;
  EXPECT_EQ(clock.now(), wall);
  EXPECT_EQ(clock.now(), wall);
  ASSERT_EQ(set.size(), 2u);
  EXPECT_NEAR(static_cast<double>(set[0].count()), 3'600'000, 1000) << "with what it had been adjusted by before";
  EXPECT_EQ(set[1], -90min - 1s);
}

}  // namespace
}  // namespace gantry
