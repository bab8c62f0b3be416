#include "scheduler/sleepers.h"

#include <gtest/gtest.h>

#include <thread>

namespace gantry::scheduler {
namespace {

using std::chrono::hours;

TEST(Sleepers, NobodyIsCalledWhenNobodySleeps) {
  Sleepers sleepers;
  EXPECT_FALSE(sleepers.call());
  const auto ticket = sleepers.prepare();
  EXPECT_TRUE(sleepers.call());
  EXPECT_TRUE(sleepers.is_called(ticket));
  sleepers.sleep(ticket, hours(1));  // returns at once
  EXPECT_FALSE(sleepers.call());
}

TEST(Sleepers, SleepsNoLongerThanItIsTold) {
  Sleepers sleepers;
  sleepers.sleep(sleepers.prepare(), std::chrono::milliseconds(1));
  EXPECT_FALSE(sleepers.call());
}

/// Two threads wake each other in turn. One lost wake-up, and the test does not end.
TEST(Sleepers, LoseNoWakeUp) {
  constexpr int kRounds = 20'000;
  Sleepers sleepers;
  std::atomic<int> turn{0};
  const auto play = [&](int me) {
    for (int round = me; round < kRounds; round += 2) {
      while (turn.load(std::memory_order_acquire) != round) {
        const auto ticket = sleepers.prepare();
        if (turn.load(std::memory_order_acquire) == round) {
          sleepers.cancel();
        } else {
          sleepers.sleep(ticket, hours(1));
        }
      }
      turn.store(round + 1, std::memory_order_release);
      sleepers.wake_one();
    }
  };
  std::thread other(play, 1);
  play(0);
  other.join();
  EXPECT_EQ(turn, kRounds);
}

}  // namespace
}  // namespace gantry::scheduler
