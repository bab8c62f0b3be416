#include "scheduler/ready_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <random>

#include "scheduler/scheduler.h"

namespace gantry::scheduler {
namespace {

using ::testing::ElementsAre;

/// Runs are told apart by where they begin, in a frame of many tasks that are never looked at.
class ReadyQueueTest : public ::testing::Test {
 protected:
  static constexpr Index kTasks = 1000;
  ReadyQueueTest() : frame_(scheduler_.worker().open(topology_, 0, 0, nullptr)) {}
  ~ReadyQueueTest() override { scheduler_.worker().close(frame_); }

  ReadyRun run(Index first, Urgency urgency) {
    const Index* begin = topology_.successors.data() + first;
    return {frame_, begin, begin + 1, urgency};
  }
  Index first_of(const ReadyRun& run) { return static_cast<Index>(run.first - topology_.successors.data()); }
  std::vector<Index> pop(std::size_t most) {
    std::vector<ReadyRun> runs(most);
    runs.resize(queue_.pop(runs.data(), most));
    std::vector<Index> firsts;
    for (const ReadyRun& run : runs) firsts.push_back(first_of(run));
    return firsts;
  }

  Topology topology_ = workflow::build_topology(kTasks, {});
  Scheduler scheduler_;
  Frame* frame_;
  ReadyQueue queue_;
};

constexpr Urgency of(std::uint32_t priority, std::uint32_t height) { return (Urgency{priority} << 32) | height; }

TEST_F(ReadyQueueTest, MostUrgentFirstAndEqualsInOrder) {
  queue_.push_back(run(1, of(5, 10)));
  queue_.push_back(run(2, of(5, 10)));
  queue_.push_back(run(3, of(5, 11)));
  queue_.push_back(run(4, of(6, 1)));
  queue_.push_front(run(5, of(5, 10)));
  EXPECT_EQ(queue_.size(), 5u);
  EXPECT_THAT(pop(9), ElementsAre(4));
  EXPECT_THAT(pop(9), ElementsAre(3));
  EXPECT_THAT(pop(2), ElementsAre(5, 1));
  queue_.push_back(run(6, of(5, 10)));
  EXPECT_THAT(pop(9), ElementsAre(2, 6));
  EXPECT_TRUE(queue_.empty());
}

TEST_F(ReadyQueueTest, KeepsFewOfManyPriorities) {
  for (std::uint32_t priority = 0; priority < 500; ++priority) {
    queue_.push_back(run(priority, of(priority, 1000)));
    queue_.push_back(run(priority + 1, of(priority, 1)));
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
      const Index first = random() % kTasks;
      const Urgency urgency = of(random() % 3 * 7, random() % 4 == 0 ? random() % 5000 : random() % 3);
      if (random() % 4 == 0) {
        queue_.push_front(run(first, urgency));
        model[urgency].push_front(first);
      } else {
        queue_.push_back(run(first, urgency));
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
    ASSERT_EQ(queue_.empty(), model.empty());
  }
}

}  // namespace
}  // namespace gantry::scheduler
