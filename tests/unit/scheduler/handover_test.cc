#include "scheduler/handover.h"

#include <gtest/gtest.h>

#include <memory>
#include <thread>
#include <vector>

namespace gantry::scheduler {
namespace {

struct Item {
  Item* next = nullptr;
  int value = 0;
};

TEST(Slot, GivesWhatWasPutOnce) {
  Slot<Item> slot;
  Item item;
  EXPECT_EQ(slot.take(), nullptr);
  slot.put(&item);
  EXPECT_TRUE(slot.looks_full());
  EXPECT_EQ(slot.take(), &item);
  EXPECT_EQ(slot.take(), nullptr);
}

TEST(Slot, ManyTakersGetEachItemOnce) {
  constexpr int kItems = 20'000;
  std::vector<Item> items(kItems);
  Slot<Item> slot;
  std::atomic<bool> over{false};
  std::atomic<int> taken{0};
  std::vector<std::thread> takers;
  for (int t = 0; t < 3; ++t) {
    takers.emplace_back([&] {
      while (!over.load()) {
        Item* item = slot.take();
        if (item == nullptr) {
          std::this_thread::yield();
          continue;
        }
        EXPECT_EQ(item->value, 1) << "what was written before it was put";
        item->value = 2;
        ++taken;
      }
    });
  }
  for (Item& item : items) {
    item.value = 1;
    while (slot.looks_full()) std::this_thread::yield();
    slot.put(&item);
  }
  while (taken.load() < kItems) std::this_thread::yield();
  over = true;
  for (auto& taker : takers) taker.join();
  for (const Item& item : items) ASSERT_EQ(item.value, 2);
}

TEST(Stack, GivesAllThatWasPushedTheNewestFirst) {
  Stack<Item> stack;
  Item a, b;
  EXPECT_EQ(stack.take_all(), nullptr);
  stack.push(&a);
  stack.push(&b);
  EXPECT_FALSE(stack.looks_empty());
  EXPECT_EQ(stack.take_all(), &b);
  EXPECT_EQ(b.next, &a);
  EXPECT_EQ(a.next, nullptr);
  EXPECT_TRUE(stack.looks_empty());
}

TEST(Stack, ManyPushersAndTakersLoseAndDoubleNothing) {
  constexpr int kItems = 10'000, kPushers = 3;
  std::vector<Item> items(kItems * kPushers);
  Stack<Item> stack;
  std::atomic<int> taken{0};
  const auto take = [&] {
    for (Item* item = stack.take_all(); item != nullptr; item = item->next) {
      ++item->value;
      ++taken;
    }
  };
  std::vector<std::thread> threads;
  for (int p = 0; p < kPushers; ++p) {
    threads.emplace_back([&, p] {
      for (int i = 0; i < kItems; ++i) stack.push(&items[static_cast<std::size_t>(p * kItems + i)]);
    });
  }
  threads.emplace_back([&] {
    while (taken.load() < kItems * kPushers) {
      take();
      std::this_thread::yield();
    }
  });
  while (taken.load() < kItems * kPushers) {
    take();
    std::this_thread::yield();
  }
  for (auto& thread : threads) thread.join();
  for (const Item& item : items) ASSERT_EQ(item.value, 1);
}

}  // namespace
}  // namespace gantry::scheduler
