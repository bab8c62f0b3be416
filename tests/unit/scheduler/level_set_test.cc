#include "scheduler/level_set.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace gantry::scheduler {
namespace {

TEST(LevelSet, KnowsItsGreatest) {
  LevelSet set;
  EXPECT_TRUE(set.empty());
  set.grow(100'000);
  EXPECT_TRUE(set.empty());
  set.insert(7);
  EXPECT_EQ(set.greatest(), 7u);
  set.insert(99'999);
  EXPECT_EQ(set.greatest(), 99'999u);
  set.insert(64);
  set.erase(99'999);
  EXPECT_EQ(set.greatest(), 64u);
  set.erase(64);
  set.erase(7);
  EXPECT_TRUE(set.empty());
}

TEST(LevelSet, KeepsWhatIsInItWhenItGrows) {
  LevelSet set;
  for (std::uint32_t size = 1; size < 3'000'000; size = size * 3 + 1) {
    set.grow(size);
    set.insert(size - 1);
    EXPECT_EQ(set.greatest(), size - 1);
  }
  for (const std::uint32_t size : {64u, 65u, 4097u, 300'000u}) {
    LevelSet grown;
    grown.grow(64);
    grown.insert(5);
    grown.grow(size);
    EXPECT_EQ(grown.greatest(), 5u) << size;
    grown.erase(5);
    EXPECT_TRUE(grown.empty()) << size;
  }
}

TEST(LevelSet, IsAsASetOfNumbers) {
  constexpr std::uint32_t kSize = 20'000;
  LevelSet set;
  set.grow(kSize);
  std::set<std::uint32_t> model;
  std::mt19937 random(5);
  for (int i = 0; i < 200'000; ++i) {
    const std::uint32_t number = random() % (random() % 2 == 0 ? kSize : 300);
    if (random() % 2 == 0) {
      set.insert(number);
      model.insert(number);
    } else {
      set.erase(number);
      model.erase(number);
    }
    ASSERT_EQ(set.empty(), model.empty());
    if (!model.empty()) {
      ASSERT_EQ(set.greatest(), *model.rbegin());
    }
  }
}

}  // namespace
}  // namespace gantry::scheduler
