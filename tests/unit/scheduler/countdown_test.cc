#include "scheduler/countdown.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace gantry::scheduler {
namespace {

TEST(Countdown, IsOverWithTheLastArrival) {
  Countdown one(1), three(3);
  EXPECT_TRUE(one.arrive());
  EXPECT_FALSE(three.arrive());
  EXPECT_FALSE(three.arrive_alone());
  EXPECT_TRUE(three.arrive());
}

TEST(Countdown, CompletesOnce) {
  Countdown countdown(1);
  EXPECT_TRUE(countdown.arrive_alone());
  EXPECT_TRUE(countdown.complete());
  EXPECT_FALSE(countdown.complete());
}

/// ThreadSanitizer sees whether the last one may read what the others wrote.
TEST(Countdown, TheLastOfManyThreadsSeesWhatAllWrote) {
  constexpr unsigned kThreads = 4;
  for (int round = 0; round < 200; ++round) {
    Countdown countdown(kThreads);
    std::vector<int> written(kThreads);
    std::atomic<int> last{0};
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < kThreads; ++i) {
      threads.emplace_back([&, i] {
        written[i] = 1;
        if (!countdown.arrive()) return;
        ++last;
        for (unsigned k = 0; k < kThreads; ++k) EXPECT_EQ(written[k], 1);
      });
    }
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(last, 1);
  }
}

}  // namespace
}  // namespace gantry::scheduler
