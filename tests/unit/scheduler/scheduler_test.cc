#include "scheduler/scheduler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <thread>

namespace gantry::scheduler {
namespace {

using ::testing::ElementsAre;

Graph graph_of(Index tasks, const std::vector<std::pair<Index, Index>>& edges) {
  Graph graph;
  graph.tasks.resize(tasks);
  workflow::build_edges(graph, edges);
  return graph;
}

std::vector<Index> take_all(Scheduler& scheduler) {
  std::vector<Index> tasks;
  while (auto ready = scheduler.next()) tasks.push_back(ready->task);
  return tasks;
}

TEST(Scheduler, GivesRootsFirstAndSuccessorsWhenTheirLastDependencyIsDone) {
  Graph graph = graph_of(4, {{0, 1}, {0, 2}, {1, 3}, {2, 3}});
  Scheduler scheduler;
  Frame* frame = scheduler.open(graph, 0, nullptr);
  EXPECT_THAT(take_all(scheduler), ElementsAre(0));
  EXPECT_FALSE(scheduler.complete(frame, 0));
  EXPECT_THAT(take_all(scheduler), ElementsAre(1, 2));
  EXPECT_FALSE(scheduler.complete(frame, 1));
  EXPECT_THAT(take_all(scheduler), ElementsAre());
  EXPECT_FALSE(scheduler.complete(frame, 2));
  EXPECT_THAT(take_all(scheduler), ElementsAre(3));
  EXPECT_TRUE(scheduler.complete(frame, 3));
  EXPECT_EQ(frame->unfinished(), 0u);
  scheduler.close(frame);
}

TEST(Scheduler, CompletingTwiceCountsOnce) {
  Graph graph = graph_of(3, {{0, 2}, {1, 2}});
  Scheduler scheduler;
  Frame* frame = scheduler.open(graph, 0, nullptr);
  take_all(scheduler);
  scheduler.complete(frame, 0);
  scheduler.complete(frame, 0);
  EXPECT_THAT(take_all(scheduler), ElementsAre());
  EXPECT_EQ(frame->unfinished(), 2u);
  scheduler.close(frame);
}

TEST(Scheduler, LongerCriticalPathComesFirstThenWrittenOrder) {
  // 2 → 3 → 4 is longer than 0 and 1 → 5.
  Graph graph = graph_of(6, {{2, 3}, {3, 4}, {1, 5}});
  Scheduler scheduler;
  Frame* frame = scheduler.open(graph, 0, nullptr);
  EXPECT_THAT(take_all(scheduler), ElementsAre(2, 1, 0));
  scheduler.close(frame);
}

TEST(Scheduler, PriorityBeatsCriticalPathAndEqualsComeInOrderOfOpening) {
  Graph lone = graph_of(1, {}), chain = graph_of(2, {{0, 1}});
  Scheduler scheduler;
  int a = 0, b = 0, c = 0, d = 0;
  Frame* frames[] = {scheduler.open(chain, 0, &a), scheduler.open(lone, 5, &b), scheduler.open(lone, 0, &c),
                     scheduler.open(lone, 0, &d)};
  std::vector<void*> owners;
  while (auto ready = scheduler.next()) owners.push_back(ready->frame->owner());
  EXPECT_THAT(owners, ElementsAre(&b, &a, &c, &d));
  for (Frame* frame : frames) scheduler.close(frame);
}

TEST(Scheduler, AClosedFrameGivesNothingMoreWhereverItsEntriesStand) {
  Graph graph = graph_of(3, {});
  Scheduler scheduler;
  scheduler.close(scheduler.open(graph, 0, nullptr));  // entries in the inbox
  Frame* in_heap = scheduler.open(graph, 0, nullptr);
  ASSERT_TRUE(scheduler.next());
  scheduler.close(in_heap);
  EXPECT_FALSE(scheduler.next());
  Frame* left = scheduler.open(graph, 0, nullptr);  // closed after the scheduler saw it, never asked again
  ASSERT_TRUE(scheduler.next());
  scheduler.close(left);
}

/// Several threads complete tasks of one large graph while the consumer hands them out: each task exactly once, and
/// never before its dependencies. ThreadSanitizer watches.
TEST(Scheduler, ThreadsCompleteWithoutLosingOrDoublingATask) {
  constexpr Index kTasks = 20'000;
  std::mt19937 random(7);
  std::vector<std::pair<Index, Index>> edges;
  for (Index i = 1; i < kTasks; ++i) {
    for (int n = 0; n < 3; ++n) edges.push_back({static_cast<Index>(random() % i), i});
  }
  Graph graph = graph_of(kTasks, edges);
  Scheduler scheduler;
  Frame* frame = scheduler.open(graph, 0, nullptr);

  std::vector<std::atomic<Index>> slots(3);  // one task at a time for each worker
  for (auto& slot : slots) slot = kNone;
  std::atomic<bool> stop{false};
  std::vector<std::vector<Index>> done(slots.size());
  std::vector<std::thread> workers;
  for (std::size_t w = 0; w < slots.size(); ++w) {
    workers.emplace_back([&, w] {
      while (!stop.load(std::memory_order_relaxed)) {
        Index task = slots[w].exchange(kNone, std::memory_order_acquire);
        if (task == kNone) {
          std::this_thread::yield();
          continue;
        }
        done[w].push_back(task);
        scheduler.complete(frame, task);
      }
    });
  }
  std::vector<int> given(kTasks);
  for (Index handed = 0; handed < kTasks;) {
    auto ready = scheduler.next();
    if (!ready) {
      std::this_thread::yield();
      continue;
    }
    ++given[ready->task];
    ++handed;
    for (std::size_t w = handed % slots.size();; w = (w + 1) % slots.size()) {
      Index empty = kNone;
      if (slots[w].compare_exchange_strong(empty, ready->task, std::memory_order_release)) break;
      std::this_thread::yield();
    }
  }
  while (frame->unfinished() != 0) std::this_thread::yield();
  stop = true;
  for (auto& worker : workers) worker.join();
  for (Index i = 0; i < kTasks; ++i) ASSERT_EQ(given[i], 1) << i;
  std::size_t completed = 0;
  for (const auto& tasks : done) completed += tasks.size();
  EXPECT_EQ(completed, kTasks);
  EXPECT_FALSE(scheduler.next());
  scheduler.close(frame);
}

}  // namespace
}  // namespace gantry::scheduler
