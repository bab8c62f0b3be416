#include "scheduler/ready_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <random>

namespace gantry::scheduler {
namespace {

using ::testing::ElementsAre;

/// Runs are told apart by where they begin; their frame is never looked at.
class ReadyQueueTest : public ::testing::Test {
 protected:
  static ReadyRun run(Index first, Index size = 1) { return {nullptr, first, size}; }
  std::vector<Index> pop(std::size_t most) {
    std::vector<ReadyRun> runs(most);
    Urgency urgency;
    runs.resize(queue_.pop_front(runs.data(), most, urgency));
    return firsts_of(runs);
  }
  std::vector<Index> pop_back(std::size_t most, std::size_t kept) {
    std::vector<ReadyRun> runs(most);
    runs.resize(queue_.pop_back(runs.data(), most, kept, popped_));
    return firsts_of(runs);
  }
  static std::vector<Index> firsts_of(const std::vector<ReadyRun>& runs) {
    std::vector<Index> firsts;
    for (const ReadyRun& run : runs) firsts.push_back(run.first);
    return firsts;
  }

  ReadyQueue queue_;
  Urgency popped_ = 0;
};

constexpr Urgency of(std::uint32_t priority, std::uint32_t height) { return (Urgency{priority} << 32) | height; }

TEST_F(ReadyQueueTest, MostUrgentFirstAndEqualsInOrder) {
  queue_.push_back(run(1), of(5, 10));
  queue_.push_back(run(2), of(5, 10));
  queue_.push_back(run(3), of(5, 11));
  queue_.push_back(run(4), of(6, 1));
  queue_.push_front(run(5), of(5, 10));
  EXPECT_THAT(pop(9), ElementsAre(4));
  EXPECT_THAT(pop(9), ElementsAre(3));
  EXPECT_THAT(pop(2), ElementsAre(5, 1));
  queue_.push_back(run(6), of(5, 10));
  EXPECT_THAT(pop(9), ElementsAre(2, 6));
  EXPECT_TRUE(queue_.empty());
}

TEST_F(ReadyQueueTest, GivesOthersTheLastOfTheMostUrgent) {
  for (Index first = 0; first < 10; ++first) queue_.push_back(run(first), of(1, 5));
  queue_.push_back(run(20), of(1, 4));
  EXPECT_THAT(pop_back(9, 2), ElementsAre(6, 7, 8, 9)) << "half of what there is besides two";
  EXPECT_EQ(popped_, of(1, 5));
  EXPECT_THAT(pop_back(1, 0), ElementsAre(5));
  EXPECT_THAT(pop_back(9, 5), ElementsAre(20)) << "of the next list";
  EXPECT_EQ(popped_, of(1, 4));
  EXPECT_THAT(pop_back(9, 5), ElementsAre()) << "nothing besides";
  EXPECT_THAT(pop(9), ElementsAre(0, 1, 2, 3, 4));
  EXPECT_TRUE(queue_.empty());
}

TEST_F(ReadyQueueTest, GivesOthersHalfOfALongRun) {
  queue_.push_back(run(100, 50), of(1, 1));
  queue_.push_back(run(7), of(1, 1));
  EXPECT_THAT(pop_back(9, 4), ElementsAre(7)) << "what is behind the run with the first four";
  EXPECT_THAT(pop_back(9, 4), ElementsAre(127)) << "half of what that run has besides them";
  queue_.push_back(run(200, 9), of(1, 1));
  EXPECT_THAT(pop_back(9, 30), ElementsAre(206)) << "the first thirty are in both runs";
  EXPECT_EQ(queue_.top().front().size, 27u);
  EXPECT_EQ(queue_.top().back().size, 6u);
  EXPECT_THAT(pop_back(9, 33), ElementsAre()) << "nothing besides";
  EXPECT_THAT(pop(9), ElementsAre(100, 200));
}

TEST_F(ReadyQueueTest, TurnsToWhatIsAsUrgentAsIsAskedFor) {
  EXPECT_FALSE(queue_.turn());
  queue_.push_back(run(1), of(5, 5));
  EXPECT_FALSE(queue_.turn(of(5, 6)));
  EXPECT_TRUE(queue_.turn(of(5, 5)));
  EXPECT_THAT(pop(1), ElementsAre(1));
  queue_.push_back(run(2), of(5, 4));
  EXPECT_FALSE(queue_.turn(of(5, 5)));
  EXPECT_EQ(queue_.top().front().first, 2u) << "it is there all the same";
}

TEST_F(ReadyQueueTest, KeepsFewOfManyPriorities) {
  for (std::uint32_t priority = 0; priority < 500; ++priority) {
    queue_.push_back(run(priority), of(priority, 1000));
    queue_.push_back(run(priority + 1), of(priority, 1));
    EXPECT_THAT(pop(9), ElementsAre(priority));
    EXPECT_THAT(pop(9), ElementsAre(priority + 1));
  }
  EXPECT_LT(queue_.bytes(), 100'000u);
}

TEST_F(ReadyQueueTest, IsAsAMapOfLists) {
  std::map<Urgency, std::deque<Index>, std::greater<>> model;
  std::mt19937 random(11);
  for (int i = 0; i < 100'000; ++i) {
    if (random() % 20 < 11) {
      const Index first = random() % 1000;
      const Urgency urgency = of(random() % 3 * 7, random() % 4 == 0 ? random() % 5000 : random() % 3);
      if (random() % 4 == 0) {
        queue_.push_front(run(first), urgency);
        model[urgency].push_front(first);
      } else {
        queue_.push_back(run(first), urgency);
        model[urgency].push_back(first);
      }
    } else if (!model.empty()) {
      auto top = model.begin();
      const std::size_t most = 1 + random() % 4;
      std::vector<Index> expected;
      while (expected.size() < most && !top->second.empty()) {
        expected.push_back(top->second.front());
        top->second.pop_front();
      }
      if (top->second.empty()) model.erase(top);
      ASSERT_EQ(pop(most), expected);
    }
    ASSERT_EQ(queue_.turn(), !model.empty());
    ASSERT_EQ(queue_.empty(), model.empty());
    if (!model.empty()) {
      ASSERT_EQ(queue_.top_urgency(), model.begin()->first);
    }
  }
}

}  // namespace
}  // namespace gantry::scheduler
