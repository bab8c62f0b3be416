#include "scheduler/ready_list.h"

#include <gtest/gtest.h>

#include <deque>
#include <random>
#include <vector>

namespace gantry::scheduler {
namespace {

TEST(ReadyList, IsAsADeque) {
  ReadyList list;
  std::deque<Index> model;
  std::mt19937 random(3);
  for (int i = 0; i < 200'000; ++i) {
    const Index number = random() % 1000;
    switch (random() % 9) {
      case 0:
      case 1: list.push_front({nullptr, number, 1}), model.push_front(number); break;
      case 2:
      case 3: list.push_back({nullptr, number, 1}), model.push_back(number); break;
      case 4:
        if (!model.empty()) list.pop_back(), model.pop_back();
        break;
      default:
        if (!model.empty()) list.pop_front(), model.pop_front();
    }
    ASSERT_EQ(list.size(), model.size());
    ASSERT_EQ(list.empty(), model.empty());
    if (model.empty()) continue;
    ASSERT_EQ(list.front().first, model.front());
    ASSERT_EQ(list.back().first, model.back());
    const Index ahead = random() % 5;
    ASSERT_EQ(list.look_ahead(ahead).first, ahead < model.size() ? model[ahead] : model.back());
  }
  EXPECT_LT(list.bytes(), 1u << 20);
}

TEST(ReadyList, LooksAtWhatWasTakenLastWhenThereIsNothingAhead) {
  ReadyList list;
  list.push_back({nullptr, 5, 1});
  list.pop_front();
  EXPECT_EQ(list.look_ahead(8).first, 5u);
}

TEST(ReadyList, TakesThoseThatAreReady) {
  ReadyList list;
  std::vector<Index> expected;
  std::vector<Index> tasks(300);
  for (Index i = 0; i < tasks.size(); ++i) tasks[i] = i * 7;
  for (Index first = 0; first + 15 <= tasks.size(); first += 15) {
    list.push_back_some(nullptr, first, &tasks[first], 15, [](Index task) { return task % 3 == 0; });
    for (Index i = first; i < first + 15; ++i) {
      if (tasks[i] % 3 == 0) expected.push_back(i);
    }
  }
  ASSERT_EQ(list.size(), expected.size());
  for (const Index position : expected) {
    EXPECT_EQ(list.front().first, position);
    EXPECT_EQ(list.front().size, 1u);
    list.pop_front();
  }
}

}  // namespace
}  // namespace gantry::scheduler
