#include "scheduler/pace.h"

#include <gtest/gtest.h>

namespace gantry::scheduler {
namespace {

using Nanoseconds = Pace::Nanoseconds;

/// A worker that does nothing but its tasks, each of which takes as long as it is told.
class PaceTest : public ::testing::Test {
 protected:
  PaceTest() { pace_.begin(now_, true); }
  /// Until it has looked after the others so many times.
  void do_tasks(Nanoseconds each, int looks) {
    while (looks > 0) {
      if (!pace_.goes_on()) {
        if (pace_.counts_window()) pace_.end_window(now_, false);
        pace_.has_looked();
        --looks;
      }
      now_ += each;
      ++tasks_;
    }
  }

  Pace pace_;
  Nanoseconds now_ = 1'000'000;
  int tasks_ = 0;
};

TEST_F(PaceTest, IsNotKnownAtFirst) {
  EXPECT_TRUE(pace_.is_at_work());
  EXPECT_FALSE(pace_.is_fast());
  EXPECT_TRUE(pace_.may_be_slow(now_)) << "whoever wants to help may";
  EXPECT_EQ(pace_.soon(), 1u);
  pace_.end(now_);
  EXPECT_FALSE(pace_.is_at_work());
}

TEST_F(PaceTest, FastTasksAreLookedAtOnceInAWindowThatTakesAWhile) {
  do_tasks(10, 100);
  EXPECT_TRUE(pace_.is_fast());
  EXPECT_FALSE(pace_.may_be_slow(now_));
  EXPECT_EQ(pace_.soon(), Pace::kMostSoon);
  tasks_ = 0;
  do_tasks(10, 10);
  EXPECT_GE(tasks_ * 10, 10 * Pace::kLook / 2);
  EXPECT_LE(tasks_ * 10, 10 * Pace::kLook * 2);
}

TEST_F(PaceTest, SlowTasksAreLookedAtAfterEach) {
  do_tasks(2'000, 2 * Pace::kWindow);
  EXPECT_FALSE(pace_.is_fast());
  EXPECT_TRUE(pace_.may_be_slow(now_));
  EXPECT_EQ(pace_.soon(), 8u);
  tasks_ = 0;
  do_tasks(2'000, 10);
  EXPECT_EQ(tasks_, 10);
}

TEST_F(PaceTest, OneInterruptionIsNoSlowness) {
  do_tasks(10, 100);
  now_ += 1'000'000;
  EXPECT_TRUE(pace_.may_be_slow(now_)) << "others cannot know";
  do_tasks(10, 1);
  EXPECT_TRUE(pace_.is_fast());
  do_tasks(10, 5);
  EXPECT_TRUE(pace_.is_fast());
}

TEST_F(PaceTest, TwoSlowWindowsAreSlowness) {
  do_tasks(10, 100);
  tasks_ = 0;
  while (pace_.is_fast()) do_tasks(1'000, 1);
  EXPECT_LE(tasks_, static_cast<int>(Pace::kLook / 10 * 2 + Pace::kWindow)) << "the window that had begun, and a short one";
}

TEST_F(PaceTest, WhoIsAskedFindsALongTaskAfterTheNext) {
  do_tasks(10, 100);
  for (int task = 0; task < 2; ++task) {
    now_ += 50'000;
    EXPECT_TRUE(pace_.may_be_slow(now_));
    pace_.look_at_once();
    do_tasks(0, 1);
  }
  EXPECT_FALSE(pace_.is_fast());
}

TEST_F(PaceTest, StaysFastWhileItIs) {
  EXPECT_FALSE(pace_.stays_fast(now_)) << "it is not known";
  do_tasks(10, 100);
  EXPECT_TRUE(pace_.stays_fast(now_));
  EXPECT_TRUE(pace_.goes_on());
  now_ += Pace::kWorthSharing * Pace::kWindow;
  EXPECT_FALSE(pace_.stays_fast(now_)) << "end_window() is to decide";
  EXPECT_TRUE(pace_.is_fast());
}

TEST_F(PaceTest, KnowsWhatASingleTaskTook) {
  do_tasks(1'000, 3);
  pace_.end(now_);
  EXPECT_EQ(pace_.soon(), 16u);
  pace_.begin(now_, true);
  EXPECT_EQ(pace_.soon(), 16u) << "the next ones will be like them";
}

TEST(Pace, WithoutOthersItLooksAfterNobody) {
  Pace pace;
  pace.begin(0, false);
  EXPECT_TRUE(pace.is_fast());
  EXPECT_FALSE(pace.goes_on());
  pace.has_looked();
  for (int i = 0; i < 100'000; ++i) ASSERT_TRUE(pace.goes_on());
}

}  // namespace
}  // namespace gantry::scheduler
